"""Random expressions over random series: the answers must be those of a real Prometheus.

PROMQL_DIFFERENTIAL_CASES says how many expressions are tried (400 if it is not set), PROMQL_DIFFERENTIAL_SEED which;
the seed is fixed otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from memory_reader import BundleReader, MemoryReader, SharedStripeReader
from prometheus_answers import Answer, PrometheusAnswers, Query
from prometheus_process import running_prometheus
from promql_generator import SPAN_MS, START_MS, ExpressionGenerator, Series, make_series
from promql_versions import differs_by_version
from remote_write import write_request

from monitor.clock import SystemClock
from monitor.errors import QueryError
from monitor.model.frame import Frame
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

SEED = int(os.environ.get("PROMQL_DIFFERENTIAL_SEED", "20260801"))
CASES = int(os.environ.get("PROMQL_DIFFERENTIAL_CASES", "400"))
WORLDS = 2
FLAGS = (
    "--web.enable-remote-write-receiver",
    "--enable-feature=promql-experimental-functions,promql-duration-expr",
)
CONFIG = "global: {}\nstorage:\n  tsdb:\n    out_of_order_time_window: 30y\n"


@dataclass(frozen=True, slots=True)
class World:
    """The same series in both engines."""

    random: Random
    reader: MemoryReader
    peer: PrometheusAnswers


@pytest.fixture(scope="module", params=range(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    random = Random(SEED + request.param)
    series: Series = make_series(random)
    reader = (SharedStripeReader, MemoryReader, BundleReader)[request.param % 3]()
    for labels, samples in series:
        reader.add(labels, samples)
    directory: Path = tmp_path_factory.mktemp("prometheus")
    with (
        running_prometheus(directory, *FLAGS, config=CONFIG) as process,
        closing(PrometheusAnswers(process.port)) as peer,
    ):
        peer.write(write_request(series))
        yield World(random, reader, peer)


def test_random_expressions_have_the_answers_of_prometheus(world: World) -> None:
    generator = ExpressionGenerator(world.random)
    engine = Engine(QueryLimits(), Features(promql_experimental_functions=True), SystemClock())
    differences = []
    for _ in range(CASES // WORLDS):
        query = _random_query(world.random, generator.expression(world.random.randint(1, 3)))
        ours, theirs = _our_answer(engine, world.reader, query), world.peer.answer(query)
        difference = None if differs_by_version(query, ours, theirs) else ours.difference(theirs)
        if difference:
            differences.append(f"{query}\n    {difference}")

    assert not differences, "\n".join(differences)


def _random_query(random: Random, expression: str) -> Query:
    at_ms = START_MS + random.randrange(-300_000, SPAN_MS + 600_000)
    if random.random() < 0.5:
        at_ms = at_ms // 15_000 * 15_000
    if random.random() < 0.25:
        return Query(expression, at_ms, at_ms, None)
    step_ms = random.choice([15_000, 60_000, 37_000, 300_000, 1_000, 7_001])
    return Query(expression, at_ms, at_ms + step_ms * random.choice([1, 5, 40]) + random.choice([0, 3]), step_ms)


def _our_answer(engine: Engine, reader: MemoryReader, query: Query) -> Answer:
    try:
        plan = engine.plan(query.expression)
        if query.step_ms is None:
            result = engine.instant(plan, query.start_ms, reader)
        else:
            result = engine.range(plan, query.start_ms, query.end_ms, query.step_ms, reader)
    except QueryError as error:
        return Answer(error=str(error))
    remarks = frozenset({*result.warnings, *result.infos})
    if not isinstance(result.value, Frame):
        assert isinstance(result.value, float), f"BUG: got {result.type}, want a frame or a number"
        return Answer({(): {query.start_ms: result.value}}, remarks)
    times, mask = result.steps.times_ms().tolist(), result.value.mask()
    series = {
        tuple(labels.items()): {times[step]: float(result.value.values[row, step]) for step in mask[row].nonzero()[0]}
        for row, labels in enumerate(result.value.labels.all_labels())
    }
    return Answer(series, remarks)
