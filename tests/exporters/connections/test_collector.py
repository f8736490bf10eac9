from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_proc import FakeProc
from prometheus_client import CollectorRegistry

from exporters.connections.collector import ConnectionsCollector, ConnectionsSettings
from exporters.errors import NoSuchTarget

SNMP = "Tcp: PassiveOpens RetransSegs\nTcp: 500 6\n"
NETSTAT = "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 4\n"


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """Its processes have no namespaces, so that sockets are those of this host; its tables are made up."""
    proc = FakeProc(tmp_path)
    settings = proc.path / "sys" / "net" / "ipv4"
    settings.mkdir(parents=True)
    (settings / "ip_local_port_range").write_text("32768\t60999\n")
    (settings / "ip_local_reserved_ports").write_text("40000-40009,50000\n")
    (proc.path / "self" / "net").symlink_to(proc.path / "net")
    (proc.path / "net" / "snmp").write_text(SNMP)
    (proc.path / "net" / "netstat").write_text(NETSTAT)
    (proc.path / "net" / "sockstat").write_text("TCP: inuse 5 orphan 2 tw 0 alloc 5 mem 267\n")
    return proc


def registry_of(*ports: int, pid: int | None = None, settings: ConnectionsSettings | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(ConnectionsCollector(ports, pid, settings or ConnectionsSettings()))
    return registry


@contextlib.contextmanager
def server_with_waiting_connections(count: int, backlog: int) -> Iterator[int]:
    """The port of a server that accepts nobody."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server, contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(server.getsockname()))
        yield int(server.getsockname()[1])


def test_a_filling_accept_queue_is_seen_against_its_limit() -> None:
    with server_with_waiting_connections(3, backlog=4) as port:
        registry = registry_of(port)
        labels = {"port": str(port)}

        assert registry.get_sample_value("server_accept_queue_length", labels) == 3
        assert registry.get_sample_value("server_accept_queue_limit", labels) == 4
        assert registry.get_sample_value("server_accept_queue_used_ratio", labels) == 0.75
        assert registry.get_sample_value("server_connections_open", labels) == 3


def test_the_ports_that_clients_take_are_counted() -> None:
    with server_with_waiting_connections(5, backlog=9) as port:
        registry = registry_of(port, settings=ConnectionsSettings(destinations_max=1000))
        labels = {"source": "127.0.0.1", "destination": f"127.0.0.1:{port}", "state": "open"}

        assert registry.get_sample_value("ephemeral_ports_used", labels) == 5
        assert registry.get_sample_value("ephemeral_ports_used_ratio", {}) >= 5 / 65536


def test_accepted_connections_and_overflows_are_counted_by_the_kernel() -> None:
    registry = registry_of()
    before = registry.get_sample_value("server_connections_accepted_total")
    overflows = registry.get_sample_value("tcp_listen_overflows_total")
    with server_with_waiting_connections(2, backlog=1) as port:
        with socket.socket() as late, pytest.raises(TimeoutError):
            late.settimeout(0.3)
            late.connect(("127.0.0.1", port))
            late.sendall(b"x")
            late.recv(1)

        assert registry.get_sample_value("server_connections_accepted_total") >= before + 2
        assert registry.get_sample_value("tcp_listen_overflows_total") > overflows


def test_counters_are_read_from_the_namespace_of_the_proc_file_system(proc: FakeProc) -> None:
    registry = registry_of(settings=ConnectionsSettings(proc.path))

    assert registry.get_sample_value("server_connections_accepted_total") == 500
    assert registry.get_sample_value("tcp_segments_retransmitted_total") == 6
    assert registry.get_sample_value("tcp_listen_drops_total") == 4
    assert registry.get_sample_value("tcp_orphans") == 2
    assert registry.get_sample_value("ephemeral_ports_limit") == 28232 - 11


def test_a_counter_the_kernel_does_not_have_is_absent(proc: FakeProc) -> None:
    assert registry_of(settings=ConnectionsSettings(proc.path)).get_sample_value("tcp_timeouts_total") is None


def test_too_many_sockets_leave_only_the_counters() -> None:
    with server_with_waiting_connections(2, backlog=9) as port:
        registry = registry_of(port, settings=ConnectionsSettings(sockets_max=1))

        assert registry.get_sample_value("plimsoll_exporter_socket_limit_exceeded") == 1
        assert registry.get_sample_value("server_connections_open", {"port": str(port)}) is None
        assert registry.get_sample_value("ephemeral_ports_used_ratio") is None
        assert registry.get_sample_value("server_connections_accepted_total") > 0


def test_ports_beyond_the_limit_are_counted() -> None:
    with server_with_waiting_connections(0, backlog=9), server_with_waiting_connections(0, backlog=9):
        registry = registry_of(settings=ConnectionsSettings(ports_max=1))

        assert registry.get_sample_value("plimsoll_exporter_ports_dropped") >= 1


def test_a_pid_that_does_not_run_is_refused() -> None:
    with pytest.raises(NoSuchTarget, match="pid=4194999"):
        registry_of(pid=4194999)


def test_the_next_owner_of_a_pid_is_not_looked_into() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        registry = registry_of(pid=child.pid)
        assert registry.get_sample_value("plimsoll_exporter_namespace_up") == 1
        child.kill()

    assert registry.get_sample_value("plimsoll_exporter_namespace_up") == 0
    assert registry.get_sample_value("server_connections_accepted_total") is None


_IN_ITS_OWN_NAMESPACE = """
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
server = socket.create_server(("127.0.0.1", 8099), backlog=17)
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def server_in_a_namespace() -> Iterator[int]:
    """The pid of a server on port 8099 of a network namespace of its own."""
    command = [shutil.which("unshare") or "unshare", "--net", sys.executable, "-c", _IN_ITS_OWN_NAMESPACE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            if child.stdout is None or child.stdout.readline() != b"ready\n":
                pytest.skip("a network namespace cannot be made here: needs unshare and root")
            yield child.pid
        finally:
            child.kill()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_a_server_in_another_namespace_is_seen_through_its_pid() -> None:
    with server_in_a_namespace() as pid:
        registry = registry_of(8099, pid=pid)

        assert registry.get_sample_value("server_accept_queue_limit", {"port": "8099"}) == 17
        assert registry_of(8099).get_sample_value("server_accept_queue_limit", {"port": "8099"}) is None
        assert registry.get_sample_value("server_connections_accepted_total") == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_without_the_right_to_enter_a_namespace_its_tables_are_read() -> None:
    program = (
        "import os, sys\n"
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from exporters.connections.collector import ConnectionsCollector\n"
        "os.setuid(65534)\n"
        "registry = CollectorRegistry()\n"
        "registry.register(ConnectionsCollector([8099], int(sys.argv[1])))\n"
        "print(generate_latest(registry).decode())\n"
    )
    with server_in_a_namespace() as pid:
        text = subprocess.run(
            [sys.executable, "-c", program, str(pid)], capture_output=True, text=True, check=True
        ).stdout

    assert 'plimsoll_exporter_socket_source{source="proc"} 1.0' in text
    assert 'server_listening_sockets{port="8099"} 1.0' in text
    assert "\nserver_accept_queue_limit{" not in text
