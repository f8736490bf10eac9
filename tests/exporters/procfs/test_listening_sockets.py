from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from child_server import child_server
from fake_proc import TCP_HEADER, DenyingProcfs, FakeProc, tcp_row

from exporters.errors import MalformedProcFile
from exporters.procfs.listening_sockets import SocketHolderSearch, listening_inodes, read_listening_inodes
from exporters.procfs.processes import Procfs

WEB, API = 8080, 9000


def table(*rows: str) -> Iterable[bytes]:
    return (line.encode() for line in [TCP_HEADER, *rows])


def holders(search: SocketHolderSearch, procfs: Procfs, *wanted: int) -> dict[int, frozenset[int]]:
    found = search.find(frozenset(wanted), procfs.running().stats)
    return {identity.pid: inodes for identity, inodes in found.inodes.items()}


def listeners(port: int) -> set[int]:
    """The pids that listen on `port` of this machine."""
    procfs = Procfs()
    inodes = read_listening_inodes(procfs, frozenset({port})).get(port, frozenset())
    return set(holders(SocketHolderSearch(procfs, 60), procfs, *inodes))


def test_only_listening_sockets_of_the_ports_are_found() -> None:
    rows = table(tcp_row(WEB, 1), tcp_row(81, 2), tcp_row(API, 3), tcp_row(WEB, 4, state="01"))

    assert listening_inodes(rows, frozenset({WEB, API, 99})) == {WEB: {1}, API: {3}}


def test_one_port_can_have_several_sockets() -> None:
    assert listening_inodes(table(tcp_row(WEB, 1), tcp_row(WEB, 2)), frozenset({WEB})) == {WEB: {1, 2}}


def test_an_ipv6_address_is_read() -> None:
    row = tcp_row(WEB, 5, address="00000000000000000000000001000000")

    assert listening_inodes(table(row), frozenset({WEB})) == {WEB: {5}}


def test_connections_are_not_read_once_every_port_was_seen() -> None:
    def endless() -> Iterator[bytes]:
        yield from table(tcp_row(WEB, 1), tcp_row(WEB, 2))
        while True:
            yield tcp_row(WEB, 3, state="01").encode()

    assert listening_inodes(endless(), frozenset({WEB})) == {WEB: {1, 2}}


def test_a_listener_after_connections_is_found_while_its_port_was_not_seen() -> None:
    assert listening_inodes(table(tcp_row(81, 1, state="01"), tcp_row(WEB, 2)), frozenset({WEB})) == {WEB: {2}}


@pytest.mark.parametrize("row", ["rubbish", "0: 0100007F 0:0 0A 0 0 0 0 0 7", "0: 0100007F:1F90 0:0 0A 0 0 0 0 0 x"])
def test_a_malformed_row_is_refused_with_its_text(row: str) -> None:
    with pytest.raises(MalformedProcFile, match="net/tcp: got"):
        listening_inodes(table(row), frozenset({WEB}))


def test_both_tables_are_read_and_a_missing_one_is_no_error(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(tcp_row(WEB, 1))
    assert read_listening_inodes(Procfs(proc.path), frozenset({WEB})) == {WEB: {1}}

    proc.write_tcp(tcp_row(WEB, 2), table="tcp6")
    assert read_listening_inodes(Procfs(proc.path), frozenset({WEB})) == {WEB: {1, 2}}


def test_every_holder_of_a_shared_socket_is_found(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    proc.add_process(11, sockets=(1, 2))
    proc.add_process(12, sockets=(3,))
    procfs = Procfs(proc.path)

    assert holders(SocketHolderSearch(procfs, 60), procfs, 1, 2) == {10: {1}, 11: {1, 2}}


def test_a_new_process_is_searched_at_once(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    procfs = Procfs(proc.path)
    search = SocketHolderSearch(procfs, 60)
    holders(search, procfs, 1)

    proc.add_process(11, sockets=(1,))

    assert holders(search, procfs, 1).keys() == {10, 11}


def test_a_holder_that_closed_its_socket_is_noticed(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    procfs = Procfs(proc.path)
    search = SocketHolderSearch(procfs, 60)
    holders(search, procfs, 1)

    proc.open_file(10, 3, "socket:[9]")

    assert holders(search, procfs, 1) == {}


def test_processes_searched_before_are_left_alone_until_the_next_full_search(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    proc.add_process(11)
    procfs = Procfs(proc.path)
    search = SocketHolderSearch(procfs, full_search_interval=3)
    holders(search, procfs, 1)

    proc.open_file(11, 7, "socket:[1]")  # handed over by process 10

    assert [holders(search, procfs, 1).keys() for _ in range(3)] == [{10}, {10}, {10, 11}]


def test_processes_whose_files_may_not_be_read_are_counted(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    procfs = DenyingProcfs(proc.path, "fd")

    found = SocketHolderSearch(procfs, 60).find(frozenset({1}), procfs.running().stats)

    assert (found.inodes, found.unreadable) == ({}, 1)


def test_other_sockets_bring_a_full_search(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(10, sockets=(1,))
    procfs = Procfs(proc.path)
    search = SocketHolderSearch(procfs, 60)
    holders(search, procfs, 1)

    proc.open_file(10, 7, "socket:[2]")

    assert holders(search, procfs, 1, 2) == {10: {1, 2}}


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_real_server_is_found_by_its_port(host: str) -> None:
    with child_server(host) as server:
        assert listeners(server.port) == {server.pid}
    assert listeners(server.port) == set()


def test_real_forked_workers_are_found_with_their_parent() -> None:
    with child_server(workers=2) as server:
        found = listeners(server.port)

    assert server.pid in found
    assert len(found) == 3


def test_real_processes_that_share_a_port_are_all_found() -> None:
    with child_server(reuse_port=True) as first, child_server(port=first.port, reuse_port=True) as second:
        assert listeners(first.port) == {first.pid, second.pid}
