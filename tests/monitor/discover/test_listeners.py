from __future__ import annotations

import socket
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from fake_proc import FakeProc, stat_line, tcp_row

from exporters.procfs.processes import Procfs
from monitor.discover.discover import discover
from monitor.discover.evidence import Address
from monitor.discover.listeners import (
    Listener,
    is_own,
    listeners_at,
    listening_addresses,
    processes_of,
    read_listeners,
)
from monitor.discover.probing import ProbeLimits

PORT = 8080
LOOPBACK_ROW, OTHER_ROW, ANY_ROW = "0100007F", "020200C0", "00000000"
ANY_IPV6_ROW = "0" * 32


def listener(host: str, inode: int, port: int = PORT) -> Listener:
    return Listener(ip_address(host), port, inode)


def inodes_at(host: str, *listeners: Listener) -> list[int]:
    return [each.inode for each in listeners_at(Address(host, PORT), listeners)]


def own_address() -> str:
    """One that is not loopback; TEST-NET-2 is nobody's, and no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has only loopback: give it a route")
        return str(probe.getsockname()[0])


def test_what_listens_is_read_from_both_tables(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(tcp_row(PORT, 1, address=ANY_ROW), tcp_row(PORT, 2, address=OTHER_ROW), tcp_row(9, 3, state="01"))
    proc.write_tcp(tcp_row(80, 4, address=ANY_IPV6_ROW), table="tcp6")

    found = read_listeners(Procfs(proc.path))

    assert found == (listener("0.0.0.0", 1), listener("192.0.2.2", 2), listener("::", 4, port=80))
    assert list(map(str, listening_addresses(found))) == ["127.0.0.1:80", "127.0.0.1:8080", "192.0.2.2:8080"]


def test_an_address_has_the_socket_that_is_bound_to_it_before_one_bound_to_all() -> None:
    sockets = [listener("0.0.0.0", 1), listener("::", 2), listener("127.0.0.1", 3), listener("127.0.0.1", 4, port=81)]

    assert inodes_at("127.0.0.1", *sockets) == [3]
    assert inodes_at("localhost", *sockets) == [3]
    assert inodes_at("localhost", listener("::1", 1)) == [1]
    assert inodes_at("127.0.0.2", *sockets) == [1]
    assert inodes_at("127.0.0.2", *sockets[1:]) == [2]


def test_sockets_at_one_address_are_all_of_it() -> None:
    assert inodes_at("127.0.0.1", listener("127.0.0.1", 1), listener("127.0.0.1", 2)) == [1, 2]


@pytest.mark.parametrize("host", ["198.51.100.1", "shop.example"])
def test_an_address_that_may_be_another_machines_has_no_socket_here(host: str) -> None:
    assert inodes_at(host, listener("0.0.0.0", 1), listener("::", 2)) == []


def test_an_address_of_this_machine_has_what_listens_at_all_of_them() -> None:
    assert inodes_at(own_address(), listener("0.0.0.0", 1)) == [1]


def test_own_addresses_are_told_from_others() -> None:
    assert is_own(ip_address("127.0.0.2"))
    assert is_own(ip_address("::1"))
    assert not is_own(ip_address("198.51.100.1"))


def test_servers_of_two_programs_with_one_port_are_not_taken_for_each_other(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(tcp_row(PORT, 1, address=LOOPBACK_ROW), tcp_row(PORT, 2, address=OTHER_ROW))
    for pid, program in ((1, "node"), (2, "shop")):
        directory = proc.add_process(pid, stat_line(pid, start_ticks=pid), command=program, sockets=(pid,))
        (directory / "exe").symlink_to(tmp_path / program)
    procfs = Procfs(proc.path)
    addresses = [Address("127.0.0.1", PORT), Address("192.0.2.2", PORT)]
    sockets = {
        each: frozenset(found.inode for found in listeners_at(each, read_listeners(procfs))) for each in addresses
    }

    found = processes_of(procfs, sockets)

    assert [found[address].program for address in addresses] == ["node", "shop"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc: run it on Linux")
def test_a_server_at_all_addresses_is_looked_into_at_one_of_them() -> None:
    host = own_address()
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        (finding,) = discover([Address(host, port)], (), ProbeLimits(timeout_seconds=0.2)).findings

    assert finding.pid is not None
