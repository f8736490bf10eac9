"""A broad list of queries, ours against a real Prometheus, both over HTTP on the same remote-written data.

COMPLIANCE_EVERY_TIME=1 asks every query at all of its times, which takes about four times as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from api_server import open_context, serving
from compliance_queries import expressions, queries
from prometheus_answers import PrometheusAnswers, Query
from prometheus_process import running_prometheus
from promql_generator import make_series
from promql_versions import differs_by_version
from remote_write import write_request

from monitor.clock import SystemClock
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

SEED = 42
EVERY_TIME = os.environ.get("COMPLIANCE_EVERY_TIME", "") == "1"
PARTS = 8
FLAGS = (
    "--web.enable-remote-write-receiver",
    "--enable-feature=promql-experimental-functions,promql-duration-expr",
)
CONFIG = "global: {}\nstorage:\n  tsdb:\n    out_of_order_time_window: 30y\n"


@dataclass(frozen=True, slots=True)
class Pair:
    ours: PrometheusAnswers
    theirs: PrometheusAnswers


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    body = write_request(make_series(Random(SEED)))
    directory: Path = tmp_path_factory.mktemp("compliance")
    engine = Engine(QueryLimits(), Features(promql_experimental_functions=True), SystemClock())
    with ExitStack() as stack:
        context = stack.enter_context(open_context(directory / "ours"))
        client = stack.enter_context(serving(context, engine=engine))
        process = stack.enter_context(running_prometheus(directory, *FLAGS, config=CONFIG))
        ports = (int(client.url.rpartition(":")[2]), process.port)
        ours, theirs = (stack.enter_context(closing(PrometheusAnswers(port))) for port in ports)
        for answers in (ours, theirs):
            answers.write(body)
        yield Pair(ours, theirs)


def difference(pair: Pair, query: Query) -> str | None:
    ours, theirs = pair.ours.answer(query), pair.theirs.answer(query)
    found = ours.difference(theirs)
    return f"{query}\n    {found}" if found and not differs_by_version(query, ours, theirs) else None


@pytest.mark.parametrize("part", range(PARTS))
def test_every_query_has_the_answer_of_prometheus(pair: Pair, part: int) -> None:
    asked = list(queries(every_time=EVERY_TIME))[part::PARTS]

    differences = [found for query in asked if (found := difference(pair, query))]

    assert not differences, f"{len(differences)} of {len(asked)} differ:\n" + "\n".join(differences)


def test_the_list_is_broad() -> None:
    assert len(expressions()) > 1_500
    assert len(list(queries(every_time=True))) > 4 * 1_500
