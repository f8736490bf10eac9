from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from manual_clock import ManualClock
from memory_reader import MemoryReader

from monitor.clock import SystemClock
from monitor.errors import EvaluationError, LimitExceeded, NotSmall, ParseError, QueryCanceled, QueryTimeout
from monitor.model.frame import Frame
from monitor.model.labels import Labels
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import SMALL_SAMPLES_MAX, QueryLimits
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import ResultType
from monitor.promql.steps import Steps
from monitor.storage.interfaces import Selection, Selector

LIMITS = QueryLimits()


def an_engine(limits: QueryLimits = LIMITS) -> Engine:
    return Engine(limits, Features(), SystemClock())


@pytest.fixture
def reader() -> MemoryReader:
    reader = MemoryReader()
    reader.load("""load 1m
        b 0+1x10
        a{i="2"} 0+2x10
        a{i="1"} _ _ 3x8""")
    return reader


def test_an_instant_query_of_a_vector(reader: MemoryReader) -> None:
    engine = an_engine()

    result = engine.instant(engine.plan("a"), 60_000, reader)

    assert result.type is ResultType.VECTOR
    assert isinstance(result.value, Frame)
    assert result.value.labels.all_labels() == [Labels({"__name__": "a", "i": "2"})]
    assert result.value.values.tolist() == [[2.0]]
    assert result.steps == Steps.instant(60_000)


def test_a_range_query_is_sorted_by_labels(reader: MemoryReader) -> None:
    engine = an_engine()

    result = engine.range(engine.plan('{__name__=~"a|b"}'), 0, 150_000, 60_000, reader)

    assert result.type is ResultType.MATRIX
    assert isinstance(result.value, Frame)
    assert [str(labels) for labels in result.value.labels.all_labels()] == ['a{i="1"}', 'a{i="2"}', "b"]
    assert result.value.mask().tolist() == [[False, False, True], [True] * 3, [True] * 3]
    assert result.steps.times_ms().tolist() == [0, 60_000, 120_000]


def test_a_scalar_is_a_number_at_one_instant_and_a_series_over_a_range(reader: MemoryReader) -> None:
    engine = an_engine()
    plan = engine.plan("time() + 1")

    instant, over_range = engine.instant(plan, 60_000, reader), engine.range(plan, 0, 60_000, 60_000, reader)

    assert (instant.type, instant.value) == (ResultType.SCALAR, 61.0)
    assert isinstance(over_range.value, Frame)
    assert over_range.value.values.tolist() == [[1.0, 61.0]]


def test_a_string_is_itself(reader: MemoryReader) -> None:
    engine = an_engine()

    result = engine.instant(engine.plan('"text"'), 0, reader)

    assert (result.type, result.value) == (ResultType.STRING, "text")


def test_a_range_vector_gives_its_samples(reader: MemoryReader) -> None:
    engine = an_engine()

    result = engine.instant(engine.plan("a[2m]"), 150_000, reader)

    assert result.type is ResultType.MATRIX
    runs = result.value
    assert isinstance(runs, SampleRuns)
    assert [labels["i"] for labels in runs.labels.all_labels()] == ["1", "2"]
    assert runs.starts.tolist() == [0, 1, 3]
    assert runs.timestamps_ms.tolist() == [120_000, 60_000, 120_000]
    assert runs.values.tolist() == [3, 2, 4]


@pytest.mark.parametrize(("expression", "kind"), [("a[5m]", "range vector"), ('"x"', "string")])
def test_a_range_query_wants_numbers(reader: MemoryReader, expression: str, kind: str) -> None:
    engine = an_engine()

    with pytest.raises(EvaluationError, match=f'invalid expression type "{kind}" for range query'):
        engine.range(engine.plan(expression), 0, 1, 1, reader)


def test_the_same_text_has_the_same_plan() -> None:
    engine = an_engine(replace(LIMITS, plans_max=2))
    first = engine.plan("a")

    assert engine.plan("a") is first
    engine.plan("b")
    engine.plan("c")
    assert engine.plan("a") is not first


def test_a_tree_is_planned_by_its_text() -> None:
    engine = an_engine()
    plan = engine.plan("a  +  b")

    assert engine.plan(plan.expression).text == "a + b"


def test_a_wrong_expression_has_no_plan() -> None:
    with pytest.raises(ParseError):
        an_engine().plan("a +")


def test_labels_are_derived_once_while_the_store_gives_the_same_frame(reader: MemoryReader) -> None:
    engine = an_engine()
    plan = engine.plan("sum by (i) (rate(a[5m]))")

    first = engine.instant(plan, 300_000, reader)
    second = engine.instant(plan, 360_000, reader)

    assert isinstance(first.value, Frame)
    assert isinstance(second.value, Frame)
    assert first.value.labels is second.value.labels


def test_a_lookback_may_be_given(reader: MemoryReader) -> None:
    engine = an_engine()
    plan = engine.plan("count(b)")

    assert engine.instant(plan, 650_000, reader).statistics.series == 1
    assert engine.instant(plan, 650_000, reader, lookback_ms=50_000).statistics.series == 0
    assert engine.instant(plan, 650_000, reader, lookback_ms=50_001).statistics.series == 1


def test_the_statistics_count_samples_and_series(reader: MemoryReader) -> None:
    engine = an_engine()

    statistics = engine.instant(engine.plan("rate(a[4m]) + rate(a[4m])"), 600_000, reader).statistics

    assert (statistics.samples, statistics.series) == (8, 2)
    assert statistics.seconds.keys() == {"preparation", "evaluation", "result_sort"}


@pytest.mark.parametrize(
    ("limits", "expression", "setting"),
    [
        (replace(LIMITS, samples_max=10), "rate(a[10m])", "query_samples"),
        (replace(LIMITS, steps_max=10), "a", "query_steps"),
        (replace(LIMITS, cells_max=20), "a", "query_values"),
        (replace(LIMITS, points_max=10), "a", "query_points"),
        (replace(LIMITS, window_samples_max=50), "rate(a[10m])", "query_window_samples"),
        (replace(LIMITS, window_samples_max=150), "max_over_time(a[10m:1m])", "query_window_samples"),
        (replace(LIMITS, cells_max=1000), "max_over_time(vector(1)[1h:1s])", "query_values"),
    ],
)
def test_a_query_beyond_a_limit_says_which(
    reader: MemoryReader, limits: QueryLimits, expression: str, setting: str
) -> None:
    engine = an_engine(limits)

    with pytest.raises(LimitExceeded, match=setting):
        engine.range(engine.plan(expression), 0, 600_000, 60_000, reader)


@pytest.mark.parametrize("at_ms", [2**63 - 1, -(2**63)])
def test_a_time_at_the_end_of_all_times_is_refused(reader: MemoryReader, at_ms: int) -> None:
    engine = an_engine()

    with pytest.raises(EvaluationError, match="time is out of range"):
        engine.instant(engine.plan("a offset 5m"), at_ms, reader)


def test_the_limit_on_samples_counts_the_whole_query(reader: MemoryReader) -> None:
    engine = an_engine(replace(LIMITS, samples_max=15))
    engine.instant(engine.plan("sum_over_time(b[10m])"), 600_000, reader)

    with pytest.raises(LimitExceeded, match="too many samples"):
        engine.instant(engine.plan("sum_over_time(b[10m]) + sum_over_time(b[9m])"), 600_000, reader)


class SlowReader(MemoryReader):
    """Takes a second for each selection."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        asyncio.run(self._clock.advance(1.0))
        return super().select(selector, start_ms, end_ms)


def test_a_query_that_takes_too_long_is_stopped() -> None:
    clock = ManualClock()
    slow = SlowReader(clock)
    slow.load("load 1m\n a 1\n b 1\n c 1")
    engine = Engine(replace(LIMITS, timeout_seconds=2.5), Features(), clock)
    engine.instant(engine.plan("a + b"), 0, slow)

    with pytest.raises(QueryTimeout, match="query_timeout"):
        engine.instant(engine.plan("a + b + c"), 0, slow)


class LeavingClient:
    """Goes away after some checks."""

    def __init__(self, checks: int) -> None:
        self.checks = checks

    def check(self) -> None:
        self.checks -= 1
        if self.checks < 0:
            raise QueryCanceled("the client went away")


def test_a_query_ends_with_its_client(reader: MemoryReader) -> None:
    engine = an_engine()
    plan = engine.plan("sum(a) + sum(b)")
    engine.instant(plan, 0, reader, guard=LeavingClient(100))

    for checks in range(8):
        with pytest.raises(QueryCanceled):
            engine.instant(plan, 0, reader, guard=LeavingClient(checks))


def test_several_threads_may_use_one_engine() -> None:
    reader = MemoryReader()
    for number in range(50):
        reader.add({"__name__": "m_total", "i": str(number), "job": str(number % 3)}, {0: 0.0, 60_000: number})
    engine = an_engine()
    expressions = ["sum by (job) (rate(m_total[2m]))", "m_total / on (i) m_total", "topk(3, m_total)"] * 20

    def total(expression: str) -> float:
        result = engine.range(engine.plan(expression), 0, 120_000, 10_000, reader)
        assert isinstance(result.value, Frame)
        return float(np.nansum(np.where(result.value.mask(), result.value.values, 0)))

    with ThreadPoolExecutor(8) as pool:
        totals = list(pool.map(total, expressions))

    assert totals == totals[:3] * 20
    assert not math.isnan(totals[0])


@pytest.mark.parametrize("expression", ["a", "sum(rate(a[5m]))", "1", "a + a", "absent(a)", "topk(1, a)"])
def test_a_range_that_ends_before_it_starts_has_no_values(reader: MemoryReader, expression: str) -> None:
    engine = an_engine()

    result = engine.range(engine.plan(expression), 60_000, 0, 1000, reader)

    assert (result.steps.count, result.statistics.series) == (0, 0)


def test_what_is_taken_for_small_and_is_not_ends_before_its_samples_are_read(reader: MemoryReader) -> None:
    engine = an_engine()
    reader.load(f"load 1m\n large 0+1x{SMALL_SAMPLES_MAX}")
    everything = engine.plan(f"count_over_time(large[{SMALL_SAMPLES_MAX + 1}m])")
    end_ms = SMALL_SAMPLES_MAX * 60_000

    with pytest.raises(NotSmall):
        engine.instant(everything, end_ms, reader, is_small=True)

    assert isinstance(engine.instant(everything, end_ms, reader).value, Frame)
    assert isinstance(engine.instant(engine.plan("large"), end_ms, reader, is_small=True).value, Frame)
