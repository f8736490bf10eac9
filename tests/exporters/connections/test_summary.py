from __future__ import annotations

import time

import pytest
from netlink_messages import socket_message

from exporters.connections.sock_diag import parse_sockets, to_columns
from exporters.connections.summary import (
    DestinationUse,
    PortRange,
    ephemeral_port_use,
    listening_ports,
    summarize_ports,
)
from exporters.connections.tcp_sockets import TcpSockets, TcpState

WEB = ("10.0.0.1", 80)
RANGE = PortRange(32768, 60999)


def sockets_of(*messages: bytes) -> TcpSockets:
    return to_columns(parse_sockets(b"".join(messages)))


def listening(port: int, length: int, limit: int) -> bytes:
    return socket_message(("0.0.0.0", port), state=TcpState.LISTEN, queues=(length, limit))


def outgoing(port: int, to: tuple[str, int], state: int = 1, source: str = "10.0.0.1") -> bytes:
    return socket_message((source, port), to, state=state)


def test_connections_are_counted_by_state_and_port() -> None:
    sockets = sockets_of(
        listening(80, 0, 128),
        *[socket_message(WEB, ("10.0.0.2", port), state=TcpState.ESTABLISHED) for port in range(3)],
        socket_message(WEB, ("10.0.0.2", 9), state=TcpState.CLOSE_WAIT, queues=(50, 7)),
        socket_message(WEB, ("10.0.0.2", 10), state=TcpState.TIME_WAIT),
        socket_message(("10.0.0.1", 81), ("10.0.0.2", 11)),
    )

    [summary] = summarize_ports(sockets, [80])

    assert {state: count for state, count in summary.connections.items() if count} == {
        TcpState.ESTABLISHED: 3,
        TcpState.CLOSE_WAIT: 1,
        TcpState.TIME_WAIT: 1,
    }
    assert (summary.open_connections, summary.listening_sockets) == (4, 1)
    assert (summary.receive_queue_bytes, summary.send_queue_bytes) == (50, 7)


def test_the_fullest_of_several_accept_queues_makes_the_ratio() -> None:
    [summary] = summarize_ports(sockets_of(listening(80, 0, 100), listening(80, 90, 100)), [80])

    assert (summary.accept_queue_length, summary.accept_queue_limit) == (90, 200)
    assert summary.accept_queue_used_ratio == 0.9


def test_a_listener_without_a_backlog_does_not_divide_by_zero() -> None:
    [summary] = summarize_ports(sockets_of(listening(80, 1, 0)), [80])

    assert (summary.accept_queue_limit, summary.accept_queue_used_ratio) == (0, 1.0)


def test_a_port_without_a_listener_has_no_limit() -> None:
    [summary] = summarize_ports(sockets_of(), [80])

    assert (summary.listening_sockets, summary.accept_queue_limit, summary.accept_queue_used_ratio) == (0, None, None)


def test_listening_ports_are_found_once() -> None:
    assert listening_ports(sockets_of(listening(443, 0, 1), listening(80, 0, 1), listening(80, 0, 1))) == [80, 443]


def test_ports_used_are_counted_by_source_and_destination() -> None:
    database = ("10.0.0.5", 5432)
    sockets = sockets_of(
        outgoing(40000, database),
        outgoing(40001, database, TcpState.TIME_WAIT),
        outgoing(40000, database, source="10.0.0.77"),
        outgoing(40000, ("2001:db8::5", 443), source="2001:db8::1"),
        outgoing(40001, ("::ffff:10.0.0.5", 5432), source="::ffff:10.0.0.1"),
        outgoing(500, database),
    )

    use = ephemeral_port_use(sockets, RANGE, 10)

    assert use[0] == DestinationUse("10.0.0.1", "10.0.0.5:5432", open=2, time_wait=1)
    assert {(each.source, each.destination, each.used) for each in use[1:]} == {
        ("10.0.0.77", "10.0.0.5:5432", 1),
        ("[2001:db8::1]", "[2001:db8::5]:443", 1),
    }


def test_connections_that_came_in_take_no_port() -> None:
    sockets = sockets_of(listening(40000, 0, 9), socket_message(("10.0.0.1", 40000), ("10.0.0.2", 50000)))

    assert ephemeral_port_use(sockets, RANGE, 10) == []


def test_only_the_most_used_destinations_are_told() -> None:
    sockets = sockets_of(*[outgoing(40000 + port, ("10.0.0.5", port % 3)) for port in range(1, 6)])

    assert [each.destination for each in ephemeral_port_use(sockets, RANGE, 1)] in (["10.0.0.5:1"], ["10.0.0.5:2"])


@pytest.mark.parametrize(("reserved", "size"), [(frozenset(), 28232), (frozenset({80, 32768, 40000}), 28230)])
def test_reserved_ports_shorten_the_range(reserved: frozenset[int], size: int) -> None:
    assert PortRange(32768, 60999, reserved).size == size


def test_100_000_sockets_are_summarized_in_well_under_a_second() -> None:
    message = outgoing(40000, ("10.0.0.5", 5432))
    sockets = sockets_of(listening(80, 0, 1), *[message] * 100_000)
    before = time.thread_time()

    summarize_ports(sockets, range(1, 65))
    ephemeral_port_use(sockets, RANGE, 10)

    assert time.thread_time() - before < 0.5  # 0.06 s measured
