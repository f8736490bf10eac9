"""Requests put together of their packets."""

from __future__ import annotations

import numpy as np
import pytest
from captured_packets import packets

from monitor.loadtest.read_trace import Reads
from monitor.loadtest.wire_requests import WireRequests, wire_requests

NOBODY: frozenset[int] = frozenset()


def short(*lines: str) -> WireRequests:
    """On short connections, in a run that goes on behind them."""
    return wire_requests(packets(*lines, "60000 SYN 2000, GET 2001"), None, NOBODY, keep_alive=False)


def microseconds(found: WireRequests) -> list[tuple[int, int, int]]:
    """Connecting, answering, unread of each request."""
    columns = np.stack([found.connecting, found.answering, found.unread], axis=1)
    return sorted((round(a), round(b), round(c)) for a, b, c in columns * 1e6)


def reads(*found: tuple[int, int], ahead_seconds: int = 0) -> Reads:
    """Of (client's port, microsecond), by time."""
    times_us = np.array([at + ahead_seconds * 1_000_000 for _, at in found], np.int64)
    return Reads(times_us, np.array([port for port, _ in found], np.uint16))


def test_on_a_short_connection_a_request_ends_as_the_client_closes() -> None:
    assert microseconds(short("5000 SYN 0, GET 30, 200 130, FIN 150")) == [(30, 100, 20)]


def test_closing_at_the_end_of_the_run_ends_no_request() -> None:
    found = short("5000 SYN 0, GET 10, 200 20, FIN 30", "5002 SYN 40, GET 50, 200 60, FIN 9000")

    assert microseconds(found) == [(10, 10, 10)]


def test_on_a_kept_connection_a_request_ends_with_the_next_and_the_last_one_is_left_out() -> None:
    kept = packets("5000 SYN 0, GET 30, 200 130, GET 150, 200 200, GET 205, 200 210, FIN 900")

    assert microseconds(wire_requests(kept, None, NOBODY, keep_alive=True)) == [(0, 50, 5), (30, 100, 20)]


def test_an_answer_in_pieces_is_there_with_its_last() -> None:
    assert microseconds(short("5000 SYN 0, GET 10, 200 20, 200 40, 200 90, FIN 95")) == [(10, 80, 5)]


def test_a_syn_that_was_sent_again_counts_from_the_first() -> None:
    assert microseconds(short("5000 SYN 0, SYN 1000, GET 1010, 200 1020, FIN 1030")) == [(1010, 10, 10)]


def test_a_port_that_is_used_again_is_another_connection() -> None:
    twice = short("5000 SYN 0, GET 1, 200 3, FIN 7", "5000 SYN 100, GET 110, 200 130, FIN 160")

    assert microseconds(twice) == [(1, 2, 4), (10, 20, 30)]


def test_connections_do_not_mix() -> None:
    two = short("5000 SYN 0, GET 10, 200 100, FIN 110", "5002 SYN 5, GET 20, 200 50, FIN 90")

    assert microseconds(two) == [(10, 90, 10), (15, 30, 40)]


def test_our_own_connections_and_those_from_before_the_run_are_left_out() -> None:
    others = packets("5000 SYN 0, GET 1, 200 2, GET 3", "5002 GET 0, 200 5, GET 9, 200 10, GET 12")

    assert len(wire_requests(others, None, frozenset({5000}), keep_alive=True)) == 0


def test_a_request_without_an_answer_is_none() -> None:
    assert len(short("5000 SYN 0, GET 1, FIN 9")) == 0


def test_all_that_were_sent_are_counted_whatever_became_of_them() -> None:
    kept = packets("5000 SYN 0, GET 1, 200 2, GET 3", "5002 SYN 0, GET 1, GET 2", "5004 SYN 0, GET 1", "5006 GET 1")

    assert wire_requests(kept, None, frozenset({5004}), keep_alive=True).sent == 5


@pytest.mark.parametrize("ahead_seconds", [0, 37])
def test_an_answer_is_unread_until_the_last_read_before_the_client_acts(ahead_seconds: int) -> None:
    kept = packets("5000 SYN 0, GET 30, 200 130, GET 250, 200 400, GET 500")
    seen = reads((5000, 140), (5000, 170), (5002, 240), (5000, 480), ahead_seconds=ahead_seconds)

    assert microseconds(wire_requests(kept, seen, NOBODY, keep_alive=True)) == [(0, 150, 81), (30, 100, 41)]


def test_an_answer_whose_read_is_not_known_is_left_out() -> None:
    kept = packets("5000 SYN 0, GET 30, 200 130, GET 250, 200 400, GET 500", "5002 SYN 0, GET 1, 200 2, GET 3")

    assert microseconds(wire_requests(kept, reads((5000, 170)), NOBODY, keep_alive=True)) == [(30, 100, 41)]


def test_nothing_comes_of_no_packets() -> None:
    nothing = packets("5000 SYN 0")

    assert len(wire_requests(nothing, reads((5000, 1)), NOBODY, keep_alive=True)) == 0
