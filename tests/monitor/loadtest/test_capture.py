"""What the kernel tells of connections on the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from eventually import eventually

from monitor.loadtest.capture import Capture, CaptureLimits
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.read_trace import mounted_tracefs, parse_trace
from monitor.loadtest.scenario import LoadTarget, scenario_named
from monitor.loadtest.wire_requests import WireRequests

REQUESTS = 3
LIMITS = CaptureLimits()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def captured(listener: socket.socket, scenario: str, limits: CaptureLimits = LIMITS) -> WireRequests | None:
    """Of one client that asks and is answered `REQUESTS` times, over a connection or over one each."""
    capture = capture_of(listener, scenario, limits)
    own_ports = []
    for each in range(2):
        client_ports = exchange(listener, keep_alive=scenario_named(scenario).keep_alive)
        own_ports += client_ports if each else []
        capture.take()
    return capture.end(frozenset(own_ports))


def capture_of(listener: socket.socket, scenario: str, limits: CaptureLimits = LIMITS) -> Capture:
    chosen = scenario_named(scenario)
    port = listener.getsockname()[1]
    try:
        return Capture(LoadPlan(chosen, chosen.tool, LoadTarget("127.0.0.1", port, "/"), 1, 1, 1), limits)
    except (OSError, AttributeError) as error:
        pytest.skip(f"run as root to capture packets: {error}")


def exchange(listener: socket.socket, *, keep_alive: bool) -> list[int]:
    """The client's ports."""
    ports = []
    client, server = connected(listener)
    for _ in range(REQUESTS):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.recv(100)
        server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        client.recv(100)
        ports.append(client.getsockname()[1])
        if not keep_alive:
            client.close()
            server.close()
            client, server = connected(listener)
    client.close()
    server.close()
    return ports


def connected(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


@pytest.mark.parametrize("scenario", ["flash-sale", "payment", "login", "callback"])
def test_requests_are_seen_but_for_the_last_and_our_own(listener: socket.socket, scenario: str) -> None:
    found = captured(listener, scenario)

    assert found is not None
    assert len(found) == REQUESTS - 1
    assert (found.answering > 0).all()
    assert (found.unread >= 0).all()
    assert (found.connecting > 0).sum() == (1 if scenario in ("flash-sale", "payment") else REQUESTS - 1)


def test_a_capture_keeps_no_more_than_it_may(listener: socket.socket) -> None:
    found = captured(listener, "callback", CaptureLimits(packets_max=1))

    # What the first look has found is kept whole.
    assert found is not None
    assert len(found) == REQUESTS - 1


def test_a_capture_from_which_packets_are_missing_is_none(listener: socket.socket) -> None:
    # The ring's one block has 512 frames.
    capture = capture_of(listener, "callback", CaptureLimits(ring_frames_max=1, packets_max=1))
    for _ in range(200):
        exchange(listener, keep_alive=False)

    assert capture.end(frozenset()) is None


def test_two_captures_of_a_port_do_not_disturb_each_other(listener: socket.socket) -> None:
    first = capture_of(listener, "flash-sale")
    second = capture_of(listener, "flash-sale")
    exchange(listener, keep_alive=True)

    for found in (first.end(frozenset()), second.end(frozenset())):
        assert found is not None
        assert len(found) == REQUESTS - 1


def test_the_trace_that_a_killed_process_has_left_is_removed(listener: socket.socket) -> None:
    capture_of(listener, "flash-sale").end(frozenset())  # or skips
    child = subprocess.Popen(
        [sys.executable, "-c", "from monitor.loadtest.read_trace import ReadTrace; ReadTrace(9, 1); input()"],
        stdin=subprocess.PIPE,
    )
    try:
        eventually(lambda: traces_of(child.pid), 1)
    finally:
        child.kill()
        child.communicate()
    assert traces_of(child.pid) == 1

    capture_of(listener, "flash-sale").end(frozenset())

    assert traces_of(child.pid) == 0


def traces_of(process_id: int) -> int:
    folder = mounted_tracefs()
    try:
        instances = os.open("instances", os.O_RDONLY, dir_fd=folder)
        try:
            return sum(entry.name.startswith(f"plimsoll-{process_id}-") for entry in os.scandir(instances))
        finally:
            os.close(instances)
    finally:
        os.close(folder)


def test_a_trace_is_read_by_its_words() -> None:
    text = (
        b"# tracer: nop\n"
        b"   wrk-77  [001] b..1.  1795791212.654868: tcp_rcv_space_adjust: family=AF_INET sport=49062 dport=80\n"
        b"CPU:0 [LOST 3 EVENTS]\n"
        b"   a b 1-8 [000] .....  1795791213.000007: tcp_rcv_space_adjust: family=AF_INET sport=5000 dport=80\n"
    )

    found = parse_trace(text)

    assert found.times_us.tolist() == [1795791212654868, 1795791213000007]
    assert found.client_ports.tolist() == [49062, 5000]
    assert parse_trace(b"").times_us.tolist() == []
