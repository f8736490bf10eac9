"""The functions of range vectors against plain definitions, window by window, however the samples are stored."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_reader import BundleReader, MemoryReader, SharedStripeReader

from monitor.clock import SystemClock
from monitor.model.frame import Frame
from monitor.model.samples import STALE
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.functions.instant_functions import FUNCTION_NAMES
from monitor.promql.limits import QueryLimits
from monitor.promql.ranges.range_functions import PROPOSED_FUNCTIONS, RANGE_FUNCTION_NAMES
from monitor.promql.syntax.function_signatures import AGGREGATIONS, FUNCTIONS

ENGINE = Engine(QueryLimits(), Features(promql_experimental_functions=True), SystemClock())
Window = Sequence[tuple[int, float]]
"""Times in milliseconds and values; at least one."""


def risen(window: Window) -> float:
    lost = sum(before for (_, before), (_, after) in pairwise(window) if after < before)
    return window[-1][1] - window[0][1] + lost


def extrapolated(window: Window, start: int, end: int, change: float, is_counter: bool) -> float:
    sampled = (window[-1][0] - window[0][0]) / 1000
    apart = sampled / (len(window) - 1)
    to_start, to_end = (window[0][0] - start) / 1000, (end - window[-1][0]) / 1000
    to_start = apart / 2 if to_start >= 1.1 * apart else to_start
    to_end = apart / 2 if to_end >= 1.1 * apart else to_end
    if is_counter and change > 0 and window[0][1] >= 0:
        to_start = min(to_start, sampled * window[0][1] / change)
    return change * (sampled + to_start + to_end) / sampled


def pairs(window: Window, counts: Callable[[float, float], bool]) -> float:
    return float(sum(counts(a, b) for (_, a), (_, b) in pairwise(window)))


def slope(window: Window) -> float:
    values = [value for _, value in window]
    return statistics.linear_regression([at / 1000 for at, _ in window], values).slope


def numbers(window: Window) -> list[float]:
    return [value for _, value in window]


DEFINITIONS: dict[str, tuple[int, Callable[[Window, int, int], float]]] = {
    "increase": (2, lambda w, start, end: extrapolated(w, start, end, risen(w), True)),
    "rate": (2, lambda w, start, end: extrapolated(w, start, end, risen(w), True) / ((end - start) / 1000)),
    "delta": (2, lambda w, start, end: extrapolated(w, start, end, w[-1][1] - w[0][1], False)),
    "idelta": (2, lambda w, start, end: w[-1][1] - w[-2][1]),
    "irate": (2, lambda w, start, end: risen(w[-2:]) / ((w[-1][0] - w[-2][0]) / 1000)),
    "resets": (1, lambda w, start, end: pairs(w, lambda a, b: b < a)),
    "changes": (1, lambda w, start, end: pairs(w, lambda a, b: b != a)),
    "sum_over_time": (1, lambda w, start, end: math.fsum(numbers(w))),
    "avg_over_time": (1, lambda w, start, end: math.fsum(numbers(w)) / len(w)),
    "min_over_time": (1, lambda w, start, end: min(numbers(w))),
    "max_over_time": (1, lambda w, start, end: max(numbers(w))),
    "count_over_time": (1, lambda w, start, end: float(len(w))),
    "last_over_time": (1, lambda w, start, end: w[-1][1]),
    "first_over_time": (1, lambda w, start, end: w[0][1]),
    "ts_of_last_over_time": (1, lambda w, start, end: w[-1][0] / 1000),
    "present_over_time": (1, lambda w, start, end: 1.0),
    "stdvar_over_time": (1, lambda w, start, end: statistics.pvariance(numbers(w))),
    "deriv": (2, lambda w, start, end: slope(w)),
}

sample_values = st.one_of(st.integers(0, 5).map(float), st.just(STALE), st.integers(-3, 40).map(lambda n: n / 4))
series_samples = st.lists(st.tuples(st.integers(1, 40_000), sample_values), min_size=1, max_size=25).map(
    lambda steps: dict(zip(np.cumsum([gap for gap, _ in steps]).tolist(), [value for _, value in steps], strict=True))
)


@pytest.mark.parametrize("reader_type", [MemoryReader, SharedStripeReader, BundleReader])
@pytest.mark.parametrize("function", DEFINITIONS)
@settings(max_examples=8)
@given(
    every=st.lists(series_samples, min_size=1, max_size=4),
    range_ms=st.sampled_from([15_000, 60_000, 300_001]),
    step_ms=st.sampled_from([7_000, 30_000]),
    count=st.integers(1, 12),
)
def test_a_function_gives_what_its_definition_says(
    function: str,
    reader_type: type[MemoryReader],
    every: list[dict[int, float]],
    range_ms: int,
    step_ms: int,
    count: int,
) -> None:
    reader = reader_type()
    for number, samples in enumerate(every):
        reader.add({"__name__": "m", "i": str(number)}, samples)
    samples_min, definition = DEFINITIONS[function]

    result = ENGINE.range(ENGINE.plan(f"{function}(m[{range_ms}ms])"), 0, step_ms * (count - 1), step_ms, reader)

    assert isinstance(result.value, Frame)
    rows = {labels["i"]: row for row, labels in enumerate(result.value.labels.all_labels())}
    for number, samples in enumerate(every):
        for step in range(count):
            end = step * step_ms
            window = [(at, v) for at, v in samples.items() if end - range_ms < at <= end and not math.isnan(v)]
            row = rows.get(str(number))
            is_there = row is not None and bool(result.value.mask()[row, step])
            assert is_there == (len(window) >= samples_min)
            if is_there and row is not None:
                want = definition(window, end - range_ms, end)
                assert float(result.value.values[row, step]) == pytest.approx(want, rel=1e-9, abs=1e-9)


def test_every_function_of_the_signatures_can_be_evaluated() -> None:
    of_selectors = {"start_timestamp"}
    assert FUNCTIONS.keys() == FUNCTION_NAMES | RANGE_FUNCTION_NAMES | PROPOSED_FUNCTIONS | of_selectors
    assert not FUNCTION_NAMES & RANGE_FUNCTION_NAMES


@pytest.mark.parametrize("operator", AGGREGATIONS)
def test_every_aggregation_of_the_signatures_can_be_evaluated(operator: str) -> None:
    reader = MemoryReader()
    reader.add({"__name__": "m"}, {0: 1.0})
    parameter = {"count_values": '"v", ', "quantile": "0.5, "}.get(operator, "1, ")
    takes_one = AGGREGATIONS[operator].parameter_type is not None

    result = ENGINE.instant(ENGINE.plan(f"{operator}({parameter if takes_one else ''}m)"), 0, reader)

    assert isinstance(result.value, Frame)
    assert result.value.series == 1
