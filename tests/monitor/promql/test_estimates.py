"""What a query will cost, told before it runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from memory_reader import MemoryReader

from monitor.clock import SystemClock
from monitor.errors import LimitExceeded
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.storage.interfaces import Selection, SelectionSize, Selector

HOUR_MS = 3_600_000


class LargeReader(MemoryReader):
    """Has 1 200 series with a sample every 15 s, and none of them is ever read."""

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        return SelectionSize(1200, 1200 * ((end_ms - start_ms) // 15_000 + 1))

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        raise AssertionError("a query was begun that costs too much")


def refusal(expression: str, limits: QueryLimits | None = None, hours: int = 6, step_ms: int = 15_000) -> str:
    engine = Engine(limits or QueryLimits(), Features(), SystemClock())
    with pytest.raises(LimitExceeded) as caught:
        engine.range(engine.plan(expression), 0, hours * HOUR_MS, step_ms, LargeReader())
    return str(caught.value)


def test_samples_in_windows_are_series_times_samples_in_a_window_times_steps() -> None:
    assert refusal("sum(rate(a[6h]))") == (
        "the query would need about 2,490,048,000 samples"
        " (1,200 series x 1,440 samples in a window x 1,441 steps in a[6h]),"
        " want at most 500,000,000 (query_window_samples)"
    )


@pytest.mark.parametrize(
    ("expression", "setting"),
    [
        ("rate(a[6h])", "query_window_samples"),
        ("rate(a[90m]) + rate(a[90m])", "query_window_samples"),
        ("max_over_time(rate(a[5m])[6h:15s])", "query_window_samples"),
        ("max_over_time(sum(a)[10d:1s])", "query_values"),
        ("quantile_over_time(0.9, max_over_time(a[1m])[30d:1s])", "query_values"),
        ("a", "query_samples"),
        ("a @ 60", ""),
    ],
)
def test_a_query_that_costs_too_much_is_refused_before_anything_is_read(expression: str, setting: str) -> None:
    limits = replace(QueryLimits(), samples_max=1_500_000 if setting == "query_samples" else 50_000_000)
    if setting:
        assert f"({setting})" in refusal(expression, limits)
    else:
        with pytest.raises(AssertionError, match="begun"):
            refusal(expression, limits)


def test_the_same_selection_is_loaded_and_counted_once() -> None:
    limits = replace(QueryLimits(), samples_max=2_000_000)

    with pytest.raises(AssertionError, match="begun"):
        refusal("a + a", limits)
    assert "about 3,5" in refusal("a + a offset 1m", limits)


def test_what_is_the_same_at_every_step_counts_once() -> None:
    with pytest.raises(AssertionError, match="begun"):
        refusal("rate(a[6h] @ 0)")
    assert "(query_window_samples)" in refusal("predict_linear(a[6h] @ 0, 60)")


def test_an_estimate_that_is_refused_takes_no_longer_than_the_index() -> None:
    reader, asked = LargeReader(), []

    class CountingReader(LargeReader):
        def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
            asked.append(roughly_below)
            return reader.size(selector, start_ms, end_ms)

    engine = Engine(QueryLimits(), Features(), SystemClock())
    with pytest.raises(LimitExceeded):
        engine.range(engine.plan("rate(a[6h])"), 0, 6 * HOUR_MS, 15_000, CountingReader())

    assert asked == [50_000_000, 0]
