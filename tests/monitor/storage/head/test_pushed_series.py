"""Pushed series are found by their labels: after a restart, and when series were numbered anew."""

from __future__ import annotations

import numpy as np
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.storage.head.head import Head
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.head.pushed_series import KEY_PREFIX, NOT_FOUND, PushedSeries


def frame(*values: str) -> LabelFrame:
    return LabelFrame.of([{"__name__": "m", "a": value} for value in values])


def head_with(**labels: LabelFrame) -> Head:
    """A head with a row of each source."""
    head = Head(HeadSettings(), ManualClock(now_ms=0))
    for key, of_source in labels.items():
        source = head.open_source(key.replace("push", KEY_PREFIX))
        source.append_frame(of_source, np.array([1]), np.ones((1, of_source.size)))
    return head


def found(series: PushedSeries, head: Head, labels: LabelFrame) -> list[int]:
    return series.find(head.state.table.adopt(labels)).tolist()


def test_only_series_of_pushed_sources_with_exactly_these_labels_are_found() -> None:
    head = head_with(push1=frame("x", "y", ""), scraped=frame("z"))
    series = PushedSeries(head.state, head.state.table)
    assert found(series, head, frame("y", "z", "", "new", "x")) == [1, NOT_FOUND, 2, NOT_FOUND, 0]


def test_series_that_came_since_the_last_question_are_found() -> None:
    head = head_with(push1=frame("x"))
    series = PushedSeries(head.state, head.state.table)
    for number in range(20):
        assert found(series, head, frame(f"new{number}")) == [NOT_FOUND]
        source = head.open_source(f"{KEY_PREFIX}later{number}")
        source.append_frame(frame(f"new{number}"), np.array([1]), np.ones((1, 1)))
    assert found(series, head, frame(*(f"new{number}" for number in range(20)))) == list(range(1, 21))


def test_series_of_a_source_that_is_forgotten_are_not_found() -> None:
    head = head_with(push1=frame("x"))
    series = PushedSeries(head.state, head.state.table)
    head.state.sources.clear()
    assert found(series, head, frame("x")) == [NOT_FOUND]
