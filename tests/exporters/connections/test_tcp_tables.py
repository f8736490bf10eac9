from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_proc import TCP_HEADER, FakeProc, tcp_row
from hypothesis import given
from hypothesis import strategies as st

from exporters.connections.sock_diag import dump_sockets, open_sock_diag
from exporters.connections.tcp_sockets import TcpSockets, TcpState, format_address
from exporters.connections.tcp_tables import parse_rows, read_tables
from exporters.errors import MalformedProcFile, TooManySockets


def test_both_tables_are_read(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(tcp_row(80, 1), tcp_row(81, 2, state="06"))
    proc.write_tcp(tcp_row(82, 3, address="00000000000000000000000001000000"), table="tcp6")

    sockets = read_tables(proc.path / "net", 10)

    assert sockets.states.tolist() == [TcpState.LISTEN, TcpState.TIME_WAIT, TcpState.LISTEN]
    assert sockets.local_ports.tolist() == [80, 81, 82]
    assert [format_address(row.tobytes(), 1) for row in sockets.local_addresses] == [
        "127.0.0.1:1",
        "127.0.0.1:1",
        "[::1]:1",
    ]
    assert not sockets.limits_known


def test_a_row_that_is_listed_twice_is_one_socket(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(tcp_row(80, 1), tcp_row(80, 2), tcp_row(80, 1))

    assert len(read_tables(proc.path / "net", 10)) == 2


def test_no_rows_are_no_sockets(tmp_path: Path) -> None:
    assert len(read_tables(FakeProc(tmp_path).path / "net", 10)) == 0


def test_more_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(*[tcp_row(80, inode) for inode in range(3)])

    with pytest.raises(TooManySockets):
        read_tables(proc.path / "net", 2)


@given(text=st.binary(min_size=1, max_size=120).filter(lambda text: b"\n" not in text))
def test_a_row_that_is_none_is_refused_with_its_text(text: bytes) -> None:
    with pytest.raises(MalformedProcFile, match=r"net/tcp: got"):
        list(parse_rows([TCP_HEADER.encode(), text]))


@contextlib.contextmanager
def real_connections() -> Iterator[int]:
    """A server with three connections: one in its accept queue, one open, one closed by the client."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(socket.create_connection(server.getsockname()))
            stack.enter_context(server.accept()[0])
        stack.enter_context(socket.create_connection(server.getsockname()))
        client.close()
        yield server.getsockname()[1]


def rows(sockets: TcpSockets, port: int) -> list[tuple[object, ...]]:
    chosen = (sockets.local_ports == port) | (sockets.remote_ports == port)
    columns = sockets.states, sockets.local_ports, sockets.remote_ports, sockets.receive_queues
    ends = [row.tobytes() for row in sockets.remote_addresses[chosen]]
    return sorted(zip(*(column[chosen].tolist() for column in columns), ends, strict=True))


def test_a_real_table_says_what_netlink_says() -> None:
    """Both are looked at again if a socket changed its state between them, or the text missed one."""
    with real_connections() as port, open_sock_diag(5) as netlink:
        looks = (
            (rows(dump_sockets(netlink, 1_000_000), port), rows(read_tables(Path("/proc/net"), 1_000_000), port))
            for _ in range(20)
        )
        from_netlink, from_table = next((look for look in looks if look[0] == look[1]), ([], [()]))

    assert len(from_netlink) == 7
    assert from_table == from_netlink


def test_100_000_rows_are_read_and_none_is_lost(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.write_tcp(*[tcp_row(8080, inode, state="01") for inode in range(1, 99_999)], tcp_row(8080, 99_999))
    proc.write_tcp(tcp_row(443, 100_000), table="tcp6")

    sockets = read_tables(proc.path / "net", 100_000)

    assert len(sockets) == 100_000
    assert int((sockets.states == TcpState.ESTABLISHED).sum()) == 99_998
    assert sorted(sockets.local_ports[sockets.states == TcpState.LISTEN].tolist()) == [443, 8080]
