"""What a keeper does before it serves."""

from __future__ import annotations

import resource
import signal
import socket

import pytest
from fleets import free_ports

from alerts.autoscale.processes.keeper import allow_connections, open_listener
from alerts.autoscale.processes.replica import exit_text
from alerts.autoscale.processes.settings import FleetSettings


@pytest.fixture
def file_limit():
    """Restores the limit on open files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield limits
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_limit_on_open_files_is_raised_for_the_connections(file_limit):
    _, hard = file_limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert allow_connections(500) >= 500
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (2_000, hard)


def test_where_the_system_allows_fewer_files_there_are_fewer_connections(file_limit):
    _, hard = file_limit
    possible = allow_connections(10_000_000)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit // 4 < possible < limit // 2
    assert hard in (resource.RLIM_INFINITY, limit)


@pytest.mark.parametrize("host", ["127.0.0.1", "", "::1"])
def test_the_public_socket_listens_where_it_is_told(host):
    (port,) = free_ports(1)
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with (
        open_listener(FleetSettings("web", ("x",), host, port, ())) as listener,
        socket.socket(family) as client,
    ):
        client.connect((host or "127.0.0.1", port))
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exited with code 0"),
        (7, "exited with code 7"),
        (-signal.SIGKILL, "ended by SIGKILL"),
        (-40, "ended by Real-time signal 6"),
    ],
)
def test_an_exit_is_put_in_words(code, text):
    assert exit_text(code) == text
