"""Runs of load generators as metric families."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporters.load_test.runs import Latency, LoadTestRun

_LABELS = ["tool", "run_id", "scenario", "co_corrected"]


@dataclass(frozen=True, slots=True)
class LabelledRun:
    """A run, the name and the scenario its user gave it, and its end, in Unix seconds, if samples are to carry it."""

    run: LoadTestRun
    run_id: str
    scenario: str
    ended_seconds: float | None = None

    @property
    def label_values(self) -> list[str]:
        co_corrected = "true" if self.run.tool.is_co_corrected else "false"
        return [self.run.tool.value, self.run_id, self.scenario, co_corrected]


def load_test_families(runs: Iterable[LabelledRun]) -> list[Metric]:
    """What a tool does not tell is absent; without runs the families are empty but there."""
    runs = tuple(runs)
    return [_info(runs), *_totals(runs), *_scalars(runs), _quantiles(runs), _phases(runs)]


def _info(runs: Iterable[LabelledRun]) -> Metric:
    family = GaugeMetricFamily("loadtest_run_info", "What was loaded, and with what.", labels=[*_LABELS, "url"])
    for each in runs:
        family.add_metric([*each.label_values, _without_secrets(each.run.url or "")], 1, timestamp=each.ended_seconds)
    return family


def _totals(runs: Iterable[LabelledRun]) -> list[Metric]:
    requests = CounterMetricFamily("loadtest_requests", "Requests that were answered.", labels=_LABELS)
    read = CounterMetricFamily("loadtest_read_bytes", "Bytes read, headers included except with hey.", labels=_LABELS)
    reused = CounterMetricFamily(
        "loadtest_keep_alive_requests", "Requests on a connection that was kept alive.", labels=_LABELS
    )
    errors = CounterMetricFamily("loadtest_errors", "Errors, by the tool's own kinds.", labels=[*_LABELS, "kind"])
    for each in runs:
        run, labels, end = each.run, each.label_values, each.ended_seconds
        requests.add_metric(labels, run.requests, timestamp=end)
        if run.read_bytes is not None:
            read.add_metric(labels, run.read_bytes, timestamp=end)
        if run.keep_alive_requests is not None:
            reused.add_metric(labels, run.keep_alive_requests, timestamp=end)
        for kind, count in run.errors.items():
            errors.add_metric([*labels, kind], count, timestamp=end)
    return [requests, read, reused, errors]


def _scalars(runs: Iterable[LabelledRun]) -> list[Metric]:
    families = {
        name: GaugeMetricFamily(f"loadtest_{name}", text, labels=_LABELS)
        for name, text in (
            ("requests_per_second", "Answered requests a second, as the tool counts the time."),
            ("duration_seconds", "How long the run took."),
            ("connections", "Connections used at once."),
            ("threads", "Threads of the tool."),
            ("latency_mean_seconds", "Mean latency."),
            ("latency_standard_deviation_seconds", "Standard deviation of the latency."),
            ("latency_min_seconds", "Shortest latency."),
            ("latency_max_seconds", "Longest latency."),
        )
    }
    for each in runs:
        for name, value in _values(each.run).items():
            if value is not None:
                families[name].add_metric(each.label_values, value, timestamp=each.ended_seconds)
    return list(families.values())


def _values(run: LoadTestRun) -> dict[str, float | None]:
    latency = run.latency or Latency()
    return {
        "requests_per_second": run.requests_per_second,
        "duration_seconds": run.duration_seconds,
        "connections": run.connections,
        "threads": run.threads,
        "latency_mean_seconds": latency.mean,
        "latency_standard_deviation_seconds": latency.standard_deviation,
        "latency_min_seconds": latency.minimum,
        "latency_max_seconds": latency.maximum,
    }


def _quantiles(runs: Iterable[LabelledRun]) -> Metric:
    family = GaugeMetricFamily("loadtest_latency_seconds", "Latency by quantile.", labels=[*_LABELS, "quantile"])
    for each in runs:
        latency = each.run.latency or Latency()
        for quantile, seconds in latency.quantiles.items():
            family.add_metric([*each.label_values, f"{quantile:g}"], seconds, timestamp=each.ended_seconds)
    return family


def _phases(runs: Iterable[LabelledRun]) -> Metric:
    family = GaugeMetricFamily(
        "loadtest_phase_seconds",
        "Parts of the latency, as far as the tool tells.",
        labels=[*_LABELS, "phase", "statistic"],
    )
    for each in runs:
        for phase, latency in each.run.phases.items():
            statistics = {"min": latency.minimum, "mean": latency.mean, "max": latency.maximum}
            statistics["median"] = latency.quantiles.get(0.5)
            for statistic, seconds in statistics.items():
                if seconds is not None:
                    labels = [*each.label_values, phase, statistic]
                    family.add_metric(labels, seconds, timestamp=each.ended_seconds)
    return family


def _without_secrets(url: str) -> str:
    """Without user, password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
