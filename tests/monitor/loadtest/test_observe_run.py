"""Answers read off the wire, and connections with something unread."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.connections.tcp_sockets import TcpSockets, TcpState
from monitor.loadtest.observe_run import SocketLook, WireAnswer, look_at, read_answer


def receiver(data: bytes, step: int):  # type: ignore[no-untyped-def]
    """Gives `data` in pieces of `step` bytes, then its end."""
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    return lambda _size: pieces.pop(0) if pieces else b""


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(
    ("wire", "ends"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", False),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", True),
    ],
    ids=["length", "close", "chunked", "old"],
)
def test_an_answer_is_read_to_its_last_byte(wire: bytes, ends: bool, step: int) -> None:
    assert read_answer(receiver(wire, step), 1000) == WireAnswer(wire[9:12].decode(), len(wire), ends)


@pytest.mark.parametrize("wire", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"SSH-2.0\r\n\r\n"])
def test_half_an_answer_is_none(wire: bytes) -> None:
    with pytest.raises(ValueError, match=r"^answer: got"):
        read_answer(receiver(wire, 5), 1000)


def test_an_answer_has_a_limit() -> None:
    with pytest.raises(ValueError, match="more than 50 bytes"):
        read_answer(receiver(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, 10), 50)


def test_unread_requests_are_at_the_server_and_unread_answers_at_the_generator() -> None:
    rows = [
        (TcpState.LISTEN, 80, 0, 7),
        (TcpState.ESTABLISHED, 80, 5001, 120),
        (TcpState.ESTABLISHED, 80, 5002, 0),
        (TcpState.ESTABLISHED, 5001, 80, 0),
        (TcpState.ESTABLISHED, 5002, 80, 900),
        (TcpState.CLOSE_WAIT, 5003, 80, 1),  # all read but the end of the connection
        (TcpState.ESTABLISHED, 5004, 81, 900),
    ]
    states, local, remote, unread = (np.array(column) for column in zip(*rows, strict=True))
    no_addresses = np.zeros((len(rows), 16), np.uint8)
    sockets = TcpSockets(states, local, remote, no_addresses, no_addresses, unread, np.zeros_like(unread), True)

    assert look_at(sockets, 80) == SocketLook(unread_requests=1, unread_answers=1)
