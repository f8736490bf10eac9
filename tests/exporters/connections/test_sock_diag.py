from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netlink_messages import done_message, error_message, socket_message

from exporters.connections.sock_diag import dump_sockets, open_sock_diag, parse_sockets, to_columns
from exporters.connections.tcp_sockets import TcpSockets, TcpState, format_address
from exporters.errors import TooManySockets


class FakeNetlink(socket.socket):
    """Answers every request with the next chunks, up to one that ends a dump."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return next(self._chunks)


def dump(*chunks: bytes, sockets_max: int = 100) -> TcpSockets:
    with FakeNetlink(chunks) as netlink:
        return dump_sockets(netlink, sockets_max)


def test_addresses_ports_states_and_queues_are_read() -> None:
    ipv4 = socket_message(("127.0.0.1", 8080), ("10.0.0.9", 40000), state=8, queues=(11, 12))
    ipv6 = socket_message(("2001:db8::1", 443), ("::", 0), state=10, queues=(3, 128))

    sockets = dump(ipv4 + done_message(), ipv6, done_message())

    assert sockets.states.tolist() == [TcpState.CLOSE_WAIT, TcpState.LISTEN]
    assert (sockets.local_ports.tolist(), sockets.remote_ports.tolist()) == ([8080, 443], [40000, 0])
    assert (sockets.receive_queues.tolist(), sockets.send_queues.tolist()) == ([11, 3], [12, 128])
    ends = [format_address(row.tobytes(), port) for row, port in zip(sockets.local_addresses, (8080, 443), strict=True)]
    assert ends == ["127.0.0.1:8080", "[2001:db8::1]:443"]


def test_half_open_connections_are_in_the_state_syn_recv() -> None:
    sockets = dump(socket_message(("10.0.0.1", 80), ("10.0.0.2", 4), state=12) + done_message(), done_message())

    assert sockets.states.tolist() == [TcpState.SYN_RECV]


@given(lengths=st.lists(st.integers(0, 40), max_size=20))
def test_attributes_of_any_length_are_passed_over(lengths: list[int]) -> None:
    chunk = b"".join(
        socket_message(("10.0.0.1", port), attributes=b"x" * length) for port, length in enumerate(lengths)
    )

    assert to_columns(parse_sockets(chunk)).local_ports.tolist() == list(range(len(lengths)))


def test_a_refusal_of_the_kernel_is_raised() -> None:
    with pytest.raises(PermissionError):
        dump(error_message(errno.EPERM))


def test_a_host_without_sockets_has_none() -> None:
    assert len(dump(done_message(), done_message())) == 0


def test_more_sockets_than_the_limit_are_refused() -> None:
    chunk = socket_message(("10.0.0.1", 1)) * 3

    with pytest.raises(TooManySockets, match="more than 2"):
        dump(chunk + done_message(), done_message(), sockets_max=2)


def test_100_000_sockets_are_parsed_in_well_under_a_second() -> None:
    chunk = socket_message(("10.0.0.1", 80), ("10.0.0.2", 4), attributes=b"x" * 36) * 250
    before = time.thread_time()

    sockets = dump(*[chunk] * 400, done_message(), done_message(), sockets_max=100_000)

    assert len(sockets) == 100_000
    assert time.thread_time() - before < 0.7  # 0.1 s measured


def test_a_real_listening_socket_is_found_with_its_limit() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=7) as server, open_sock_diag(5) as netlink:
        port = server.getsockname()[1]
        sockets = dump_sockets(netlink, 1_000_000)

    of_port = sockets.local_ports == port
    assert sockets.states[of_port].tolist() == [TcpState.LISTEN]
    assert sockets.send_queues[of_port].tolist() == [7]
