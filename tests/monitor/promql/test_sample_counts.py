"""totalQueryableSamples, of the whole and by step: as a real Prometheus counts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from api_server import ApiClient, open_context, serving
from prometheus_process import running_prometheus
from promql_generator import START_MS, make_series

from monitor.clock import SystemClock
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

START = START_MS // 1000
FLAGS = (
    "--web.enable-remote-write-receiver",
    "--enable-feature=promql-experimental-functions,promql-per-step-stats",
)
CONFIG = "global: {}\nstorage:\n  tsdb:\n    out_of_order_time_window: 30y\n"
EXPRESSIONS = (
    "temperature", "temperature offset 5m", f"temperature @ {START + 1800}", "temperature @ end() + temperature",
    "1 + 2", "vector(1)", "time()", "missing", "absent(temperature)", "-temperature",
    "rate(requests_total[5m])", "rate(requests_total[5m] offset 2m)", f"rate(requests_total[5m] @ {START + 1800})",
    f"predict_linear(temperature[5m] @ {START + 1800}, 60)", "sum by (job) (rate(requests_total[5m]))",
    "quantile_over_time(0.5, temperature[3m])", "absent_over_time(temperature[3m])", "changes(odd[10m])",
    "max_over_time(temperature[10m:1m])", "max_over_time(rate(requests_total[2m])[10m:37s])",
    f"max_over_time(rate(requests_total[2m])[10m:1m] @ {START + 1800})",
    "max_over_time(max_over_time(sum(temperature)[5m:1m])[10m:2m])",
    f"sum(sum_over_time((temperature + temperature @ {START + 900})[5m:1m]))",
    "timestamp(temperature)", f"timestamp(temperature @ {START + 1800})", "timestamp(temperature + 0)",
    "topk(2, temperature)", "topk(scalar(level{job='api'} + 1), temperature)", "quantile(0.5, temperature)",
    "count_values('v', level)", "requests_total * on (job) group_left (version) info", "temperature and level",
    "label_replace(temperature, 'a', '$1', 'job', '(.*)')", "histogram_quantile(0.9, rate(latency_bucket[5m]))",
    "info(requests_total, {__name__='info'})", "scalar(level{job='api'})", "sort(temperature)",
    f"sum(temperature @ {START + 1800}) / 2", f"rate(requests_total[5m] @ {START + 1800}) + rate(requests_total[1m])",
    "clamp(temperature, scalar(level{job='api'}), 10)", "(temperature)", "stddev_over_time((temperature)[5m:30s])",
)  # fmt: skip
AT_AN_INSTANT = (
    "temperature[5m]", "temperature[5m] offset 1m", "sum(temperature)[5m:30s]", "rate(errors[1m])[5m:1m]",
    f"temperature[5m] @ {START + 600}", '"text"', "max_over_time(sum(temperature)[1m:15s])[5m:1m]",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    ours: ApiClient
    theirs: ApiClient

    def samples(self, path: str, **parameters: str) -> tuple:
        answers = [client.post(path, stats="all", **parameters) for client in (self.ours, self.theirs)]
        return tuple(answer.data["stats"]["samples"] for answer in answers)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    series = make_series(Random(7))
    directory: Path = tmp_path_factory.mktemp("counts")
    engine = Engine(QueryLimits(), Features(promql_experimental_functions=True), SystemClock())
    with ExitStack() as stack:
        context = stack.enter_context(open_context(directory / "ours"))
        ours = stack.enter_context(serving(context, engine=engine))
        process = stack.enter_context(running_prometheus(directory, *FLAGS, config=CONFIG))
        made = Pair(ours, ApiClient(f"http://127.0.0.1:{process.port}"))
        for client in (made.ours, made.theirs):
            assert client.write(series).status == 204
        yield made


@pytest.mark.parametrize("times", [(600, 2400, "60"), (733.123, 3500, "97.013"), (1800, 1800, "15")])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_range_query_counts_the_samples_of_every_step(pair: Pair, expression: str, times: tuple) -> None:
    start, end, step = str(START + times[0]), str(START + times[1]), times[2]

    ours, theirs = pair.samples("query_range", query=expression, start=start, end=end, step=step)

    assert ours["totalQueryableSamples"] == theirs["totalQueryableSamples"]
    assert ours["totalQueryableSamplesPerStep"] == theirs["totalQueryableSamplesPerStep"]


@pytest.mark.parametrize("expression", EXPRESSIONS + AT_AN_INSTANT)
def test_an_instant_query_counts_its_samples(pair: Pair, expression: str) -> None:
    ours, theirs = pair.samples("query", query=expression, time=str(START + 1800.5))

    assert ours["totalQueryableSamples"] == theirs["totalQueryableSamples"]
    # Upstream leaves the list out where a range vector is the answer and counts at a time that is no step.
    steps = theirs.get("totalQueryableSamplesPerStep", ours["totalQueryableSamplesPerStep"])
    assert ours["totalQueryableSamplesPerStep"] == steps


def test_only_stats_all_tells_the_steps_apart(pair: Pair) -> None:
    answer = pair.ours.get("query", query="temperature", time=str(START + 600), stats="true")

    assert answer.data["stats"]["samples"].keys() == {"totalQueryableSamples", "peakSamples"}
    assert pair.theirs.get("query", query="1", stats="true").data["stats"].keys() == answer.data["stats"].keys()
