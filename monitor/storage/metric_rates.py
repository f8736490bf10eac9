"""What each metric brings: its series, and how many samples a second they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.labels import METRIC_NAME
from monitor.storage.head.head import Head

RECENT_MS = 900_000
"""Sources without a row for longer than this are over."""


@dataclass(frozen=True, slots=True)
class MetricRate:
    """Of the series that get samples now. `samples_per_second` follows from the intervals of their sources."""

    metric: str
    series: int
    samples_per_second: float


def metric_rates(head: Head) -> list[MetricRate]:
    """One for each metric name with recent samples, in no order."""
    state = head.state
    with state.lock:
        table = state.table
        layouts = [
            (source.layout.numbers, 1000 / source.interval_ms)
            for source in state.sources.values()
            if source.last_ms() >= state.newest_ms - RECENT_MS
        ]
    series: dict[str, int] = {}
    rates: dict[str, float] = {}
    for numbers, rate in layouts:
        column = table.labels_in_order(numbers).column(METRIC_NAME)
        codes, counts = np.unique(column.codes, return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            name = column.values[code]
            series[name] = series.get(name, 0) + count
            rates[name] = rates.get(name, 0.0) + count * rate
    return [MetricRate(name, count, rates[name]) for name, count in series.items() if name]
