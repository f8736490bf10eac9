"""Finished runs of wrk, ab and hey as series: served, or written as OpenMetrics text with the time of their end.

`LoadTestCollector` is registered with a prometheus_client registry; its command is `plimsoll exporter load_test`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from exporters.load_test.families import LabelledRun, load_test_families

# For wrk's --script: prints its exact figures as a line that `parse_run` prefers.
WRK_SCRIPT = Path(__file__).with_name("wrk_summary.lua")


class LoadTestCollector(Collector):
    """The same runs at every scrape, without timestamps: of the time of the scrape."""

    def __init__(self, runs: Sequence[LabelledRun]) -> None:
        self._runs = [replace(run, ended_seconds=None) for run in runs]

    def collect(self) -> Iterable[Metric]:
        return load_test_families(self._runs)


class _TimedRuns(Collector):
    def __init__(self, runs: Sequence[LabelledRun]) -> None:
        self._runs = runs

    def collect(self) -> Iterable[Metric]:
        return load_test_families(self._runs)


def openmetrics_text(runs: Sequence[LabelledRun]) -> str:
    """OpenMetrics text of all runs, each sample with the end of its run, for a backfill."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_TimedRuns(runs))
    return bytes(exposition.generate_latest(registry)).decode()  # type: ignore[no-untyped-call]
