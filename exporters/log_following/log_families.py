"""What is exported about the logs themselves, beside what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporters.log_following.source import SourceStatus


@dataclass(frozen=True, slots=True)
class LogReading:
    """One log now: its name as the user gave it, its source, and its lines so far by what they were."""

    name: str
    status: SourceStatus
    lines: Mapping[str, int]


def log_families(readings: Iterable[LogReading]) -> list[Metric]:
    """The families of all logs; without readings they are empty but there."""
    lines = CounterMetricFamily(
        "plimsoll_exporter_log_lines", "Lines of the log so far, by what became of them.", labels=["log", "outcome"]
    )
    is_open = GaugeMetricFamily(
        "plimsoll_exporter_log_open", "1 if there is a log to read from, else 0.", labels=["log"]
    )
    rotations = CounterMetricFamily(
        "plimsoll_exporter_log_rotations", "Times the log was replaced, by how it was done.", labels=["log", "how"]
    )
    behind = GaugeMetricFamily(
        "plimsoll_exporter_log_behind_bytes", "Bytes of the log that are written and not read yet.", labels=["log"]
    )
    for reading in readings:
        status = reading.status
        discarded = {"overlong": status.overlong_lines, "incomplete": status.incomplete_lines}
        for outcome, count in {**reading.lines, **discarded}.items():
            lines.add_metric([reading.name, outcome], count)
        is_open.add_metric([reading.name], status.is_open)
        rotations.add_metric([reading.name, "renamed"], status.renamed)
        rotations.add_metric([reading.name, "truncated"], status.truncated)
        behind.add_metric([reading.name], status.behind_bytes)
    return [lines, is_open, rotations, behind]
