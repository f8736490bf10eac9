"""Random expressions over random native histograms: the answers must be those of a real Prometheus.

PROMQL_DIFFERENTIAL_CASES says how many expressions are tried (400 if it is not set). The seed is fixed.

The Prometheus here may be as old as 3.5, so what has changed since is left out: mismatched custom bounds, which are
reconciled now; rates that would reach below zero before their window, which are shortened now (so all histograms have
many observations from the start); the quantile 0 over empty buckets. Within ranges 3.5 now and then takes a sample for
another, by chance and most often if there are several series: so there is one, and it is asked again where we differ.
What we do not keep is left out, too: negative buckets that are there but empty.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from memory_reader import MemoryReader
from native_histograms import HistogramSpec, histogram_request
from prometheus_answers import PrometheusAnswers, Query
from prometheus_process import running_prometheus
from remote_write import write_request

from monitor.api.shapes.result_json import result_pieces
from monitor.clock import SystemClock
from monitor.errors import QueryError
from monitor.model.samples import STALE
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import Deadline, QueryLimits

SEED = 20_260_802
CASES = int(os.environ.get("PROMQL_DIFFERENTIAL_CASES", "400"))
START_MS = 1_750_000_000_000
STEP_MS = 15_000
SAMPLES = 60
FLAGS = ("--web.enable-remote-write-receiver", "--enable-feature=native-histograms,promql-experimental-functions")
CONFIG = "global: {}\nstorage:\n  tsdb:\n    out_of_order_time_window: 30y\n"
RELATIVE_ERROR_MAX = 1e-9
ATTEMPTS = 20

COUNTERS = ('h{kind="counter",instance="a"}', 'h{kind="fine",instance="b"}', 'h{kind="custom",instance="a"}', "m")
GAUGES = ('h{kind="gauge",instance="a"}', 'h{kind="gauge",instance="b"} offset 1m')
SELECTORS = ("h", 'h{kind="counter"}', 'h{kind="gauge"}', 'h{kind="fine"}', 'h{kind="custom"}', '{__name__=~"h|m|f"}',
             "h offset 1m", 'h{kind!="custom"}', "m", 'h{kind=~"counter|fine"}')  # fmt: skip
RANGE_FUNCTIONS = ("rate", "increase", "delta", "irate", "idelta", "resets", "changes", "sum_over_time",
                   "avg_over_time", "count_over_time", "last_over_time", "present_over_time",
                   "max_over_time", "quantile_over_time 0.5,", "deriv", "stddev_over_time")  # fmt: skip
NUMBER_FUNCTIONS = ("histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar",
                    "histogram_quantile 0.5,", "histogram_quantile 0.99,", "histogram_quantile 0.01,",
                    "histogram_fraction 0,1,", "histogram_fraction -1,0.7,", "abs", "absent", "-")  # fmt: skip
AGGREGATIONS = ("sum", "avg", "count", "group", "max", "stddev", "topk 2,", "limitk 2,", "quantile 0.5,",
                "sum by (kind)", "avg by (kind)", "sum without (instance)")  # fmt: skip
OPERATORS = ("+", "-", "*", "/", "==", "!=", "> bool", "and", "or", "unless", "%")


@dataclass(frozen=True, slots=True)
class World:
    """The same series in both engines."""

    random: Random
    reader: MemoryReader
    peer: PrometheusAnswers


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    random, reader = Random(SEED), MemoryReader()
    directory: Path = tmp_path_factory.mktemp("prometheus")
    with (
        running_prometheus(directory, *FLAGS, config=CONFIG) as process,
        closing(PrometheusAnswers(process.port)) as peer,
    ):
        for labels, samples in _histogram_series(random):
            reader.add_histograms(labels, samples)
            peer.write(histogram_request([(labels, samples)]))
        for labels, floats in _float_series(random):
            reader.add(labels, floats)
            peer.write(write_request([(labels, floats)]))
        yield World(random, reader, peer)


def _histogram_series(random: Random) -> Iterator[tuple[dict[str, str], dict[int, HistogramSpec]]]:
    for instance in "ab":
        for kind in ("counter", "gauge", "fine", "custom"):
            yield {"__name__": "h", "kind": kind, "instance": instance}, _run(random, kind)
    yield {"__name__": "z", "kind": "widening"}, _widening(random)
    first_half = dict(list(_run(random, "counter").items())[: SAMPLES // 2])
    yield {"__name__": "m", "kind": "mixed"}, first_half


def _run(random: Random, kind: str) -> dict[int, HistogramSpec]:
    samples, total = {}, HistogramSpec()
    base = _base(kind)
    for number in range(SAMPLES):
        begins_anew = number == 0 or kind == "gauge" or random.random() < 0.05
        observed = _observed(random, kind)
        total = (replace(base, hint=observed.hint) if begins_anew else total).plus(observed)
        if random.random() < 0.93:
            samples[START_MS + number * STEP_MS + random.choice([0, 0, 7])] = total
    return samples


def _base(kind: str) -> HistogramSpec:
    """1 000 observations in each bucket."""
    if kind == "custom":
        return HistogramSpec(-53, 4e3, 4e3, custom_bounds=(0.5, 1, 5), positive=dict.fromkeys(range(4), 1e3))
    buckets = dict.fromkeys(range(-4, 6), 1e3)
    negative = dict.fromkeys(range(-2, 3), 1e3) if kind == "gauge" else {}
    count = sum(buckets.values()) + sum(negative.values()) + 1e3
    return HistogramSpec(2 if kind == "fine" else 0, count, count, 1e3, 0.001, (), negative, buckets)


def _observed(random: Random, kind: str) -> HistogramSpec:
    """A few more observations."""
    if kind == "custom":
        buckets = {bucket: float(random.randrange(3)) for bucket in range(4)}
        return HistogramSpec(-53, sum(buckets.values()), random.random(), custom_bounds=(0.5, 1, 5), positive=buckets)
    buckets = {random.randrange(-4, 6): float(random.randrange(4)) for _ in range(4)}
    negative = {random.randrange(-2, 3): float(random.randrange(1, 3)) for _ in range(2)} if kind == "gauge" else {}
    zero = float(random.randrange(3))
    return HistogramSpec(
        schema=2 if kind == "fine" else 0,
        count=zero + sum(buckets.values()) + sum(negative.values()),
        sum=random.random() * 10,
        zero_count=zero,
        zero_threshold=0.001,
        negative=negative,
        positive=buckets,
        hint=3 if kind == "gauge" else 0,
    )


def _widening(random: Random) -> dict[int, HistogramSpec]:
    """Zero buckets of different widths, and schemas that become coarser."""
    samples = {}
    for number in range(SAMPLES):
        buckets = {bucket: float(number + random.randrange(2)) for bucket in range(3, 6)}
        samples[START_MS + number * STEP_MS] = HistogramSpec(
            schema=1 if number < SAMPLES // 2 else 0,
            count=sum(buckets.values()) + number,
            sum=number * 3.0,
            zero_count=float(number),
            zero_threshold=0.01 if number % 20 < 10 else 0.5,
            positive=buckets,
        )
    return samples


def _float_series(random: Random) -> Iterator[tuple[dict[str, str], dict[int, float]]]:
    times = [START_MS + number * STEP_MS for number in range(SAMPLES)]
    yield {"__name__": "f", "kind": "counter", "instance": "a"}, {at: random.random() for at in times}
    yield {"__name__": "m", "kind": "mixed"}, {at: random.random() for at in times[SAMPLES // 2 + 3 :]}
    yield {"__name__": "h", "kind": "counter", "instance": "b"}, {times[-1] + STEP_MS: STALE}


def test_random_expressions_have_the_answers_of_prometheus(world: World) -> None:
    engine = Engine(QueryLimits(), Features(promql_experimental_functions=True), SystemClock())
    differences = []
    for _ in range(CASES):
        query = _query(world.random)
        ours = _ours(engine, world.reader, query)
        difference = None
        for _ in range(ATTEMPTS):
            difference = _difference(ours, _theirs(world.peer, query))
            if difference is None:
                break
        if difference is not None:
            differences.append(f"{query}\n    {difference}")

    assert not differences, "\n".join(differences)


def _query(random: Random) -> Query:
    at_ms = START_MS + random.randrange(0, SAMPLES * STEP_MS + 360_000) // 1000 * 1000
    expression = _expression(random)
    if random.random() < 0.5:
        return Query(expression, at_ms, at_ms, None)
    return Query(expression, at_ms, at_ms + 120_000, random.choice([15_000, 37_000, 60_000]))


def _expression(random: Random) -> str:
    selector = random.choice([*SELECTORS, "z"])
    if selector != "z" and random.random() < 0.5:
        function = random.choice(RANGE_FUNCTIONS)
        series = random.choice(COUNTERS if function in ("rate", "increase") else [*COUNTERS, *GAUGES])
        selector = _applied(function, _range(random, series))
    chance = random.random()
    if chance < 0.35:
        functions = NUMBER_FUNCTIONS[:2] if "[" in selector else NUMBER_FUNCTIONS
        return _applied(random.choice(functions), selector)
    if chance < 0.6:
        return _applied(random.choice(AGGREGATIONS), selector)
    if chance < 0.9:
        other = random.choice([*SELECTORS, "2", "0", "-3", "f"])
        return f"{selector} {random.choice(OPERATORS)} {_matching(other)}"
    return selector


def _matching(other: str) -> str:
    return other if other.lstrip("-").isdigit() else f"on (kind, instance) {other}"


def _range(random: Random, selector: str) -> str:
    window = random.choice(["1m", "2m1s", "5m", "31s"])
    plain, _, offset = selector.partition(" offset ")
    shown = f"{plain}[{window}]" if random.random() < 0.8 else f"{plain}[{window}:20s]"
    return f"{shown} offset {offset}" if offset else shown


def _applied(function: str, argument: str) -> str:
    name, _, parameters = function.partition(" ")
    if name in ("sum", "avg") and parameters.startswith(("by", "without")):
        return f"{function} ({argument})"
    return f"{name}({parameters}{argument})"


def _ours(engine: Engine, reader: MemoryReader, query: Query) -> Any:
    try:
        plan = engine.plan(query.expression)
        if query.step_ms is None:
            result = engine.instant(plan, query.start_ms, reader)
        else:
            result = engine.range(plan, query.start_ms, query.end_ms, query.step_ms, reader)
    except QueryError as error:
        return str(error)
    guard = Deadline(SystemClock(), 60, None)
    data = orjson.loads(b"".join(result_pieces(result, guard)))
    return _series(data), _remarks([*result.warnings, *result.infos])


def _theirs(peer: PrometheusAnswers, query: Query) -> Any:
    times = {"time": query.start_ms}
    if query.step_ms is not None:
        times = {"start": query.start_ms, "end": query.end_ms, "step": query.step_ms}
    path = "query" if query.step_ms is None else "query_range"
    reply = peer.post(path, query=query.expression, **{name: f"{at / 1000:.3f}" for name, at in times.items()})
    if reply["status"] == "error":
        return reply["error"].removeprefix('invalid parameter "query": ')
    return _series(reply["data"]["result"]), _remarks([*reply.get("warnings", ()), *reply.get("infos", ())])


def _series(result: list[Any]) -> dict[str, Any]:
    """Numbers instead of texts, by labels."""
    return {
        orjson.dumps(series["metric"], option=orjson.OPT_SORT_KEYS).decode(): [
            _numbers(series.get(name)) for name in ("value", "values", "histogram", "histograms")
        ]
        for series in result
    }


def _numbers(value: Any) -> Any:
    if isinstance(value, str):
        return float(value.replace("Inf", "inf"))
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    if not isinstance(value, dict):
        return value
    # What is left of a bucket by rounding alone may be left in one and not in the other.
    buckets = [bucket for bucket in _numbers(value.get("buckets", [])) if not abs(bucket[3]) < 1e-9]
    return {"count": _numbers(value["count"]), "sum": _numbers(value["sum"]), "buckets": buckets}


def _remarks(texts: Sequence[str]) -> set[str]:
    """Without what is told otherwise by different versions, and without metric names.

    Which metric is named in a message about several is up to the order of the series.
    """
    kept = (text for text in texts if "conflicting counter resets" not in text)
    details = r' for metric name "[hmzf]?"|"[hmzf]"|: (float|histogram) \S+ (float|histogram)'
    kept = (re.sub(details, "", text) for text in kept)
    # Of several mixes and types only the last is told, which also depends on the order of the series.
    return {re.sub(r"(encountered|vector contains) a mix of .*? \(", "mix (", text) for text in kept}


def _difference(ours: Any, theirs: Any) -> str | None:
    if isinstance(ours, str) or isinstance(theirs, str):
        duplicates = "found duplicate series for the match group"
        same = ours == theirs or all(isinstance(each, str) and each.startswith(duplicates) for each in (ours, theirs))
        return None if same else f"got {ours}\n    want {theirs}"
    if ours[0].keys() != theirs[0].keys():
        return f"got the series {list(ours[0])}, want {list(theirs[0])}"
    for labels, points in ours[0].items():
        if not _are_close(points, theirs[0][labels]):
            return f"{labels}: {_first_difference(points, theirs[0][labels])}"
    return None if ours[1] == theirs[1] else f"got the remarks {ours[1] - theirs[1]}, want {theirs[1] - ours[1]}"


def _first_difference(ours: Any, theirs: Any) -> str:
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pair = next(pair for pair in zip(ours, theirs, strict=True) if not _are_close(*pair))
        return _first_difference(*pair) if isinstance(pair[0], list) else f"got {pair[0]}\n    want {pair[1]}"
    return f"got {ours}\n    want {theirs}"


def _are_close(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_are_close, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_are_close(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return ours == pytest.approx(theirs, rel=RELATIVE_ERROR_MAX, abs=1e-12, nan_ok=True)
    return bool(ours == theirs)
