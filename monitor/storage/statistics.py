"""Where the series of the head come from: what /api/v1/status/tsdb shows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.model.labels import METRIC_NAME
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesTable

_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class NamedCount:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Numbers of the head. The lists have the largest counts first.

    `bytes_by_label` is what spelling the label out in each series would take, as upstream counts it: name and value
    with a length byte each. `series_by_pair` names pairs `label=value`. `created_…` count the series that came new in
    the last hour. Without samples both times are 0.
    """

    series: int
    label_pairs: int
    chunks: int
    min_ms: int
    max_ms: int
    series_by_metric: tuple[NamedCount, ...]
    values_by_label: tuple[NamedCount, ...]
    bytes_by_label: tuple[NamedCount, ...]
    series_by_pair: tuple[NamedCount, ...]
    created_last_hour: int
    created_by_metric: tuple[NamedCount, ...]


def store_statistics(head: Head, length: int, now_ms: int) -> StoreStatistics:
    """With at most `length` entries a list. Takes about 1 ms per 10 000 label pairs; holds no lock for long."""
    stats = head.stats()
    table = head.state.table
    with head.state.lock:
        created, created_by_metric = head.state.churn.last_hour(now_ms)
    labels = [_label_counts(table, name) for name in table.names()]
    metrics = next((label.pairs for label in labels if label.name == METRIC_NAME), [])
    return StoreStatistics(
        series=stats.series,
        label_pairs=sum(len(label.pairs) for label in labels),
        chunks=stats.chunks,
        min_ms=stats.min_ms,
        max_ms=stats.max_ms,
        series_by_metric=_largest(metrics, length),
        values_by_label=_largest((NamedCount(label.name, len(label.pairs)) for label in labels), length),
        bytes_by_label=_largest((NamedCount(label.name, label.spelled_bytes) for label in labels), length),
        series_by_pair=_largest(_all_pairs(labels, length), length),
        created_last_hour=created,
        created_by_metric=_largest((NamedCount(*pair) for pair in created_by_metric.items()), length),
    )


@dataclass(frozen=True, slots=True)
class _LabelCounts:
    """The values of one label and how many series have each."""

    name: str
    pairs: list[NamedCount]
    spelled_bytes: int


def _label_counts(table: SeriesTable, name: str) -> _LabelCounts:
    pairs = []
    for value in table.values(name):
        series = table.posting(name, value)
        if series is not None:
            pairs.append(NamedCount(value, len(series)))
    name_bytes = len(name.encode()) + _LENGTH_BYTES
    return _LabelCounts(name, pairs, sum((name_bytes + len(pair.name.encode())) * pair.count for pair in pairs))


def _all_pairs(labels: Iterable[_LabelCounts], length: int) -> Iterator[NamedCount]:
    """Each label's most frequent values; no other can be among the most frequent pairs of all."""
    for label in labels:
        for pair in _largest(label.pairs, length):
            yield NamedCount(f"{label.name}={pair.name}", pair.count)


def _largest(counts: Iterable[NamedCount], length: int) -> tuple[NamedCount, ...]:
    """Equal counts in the order of their names."""
    return tuple(heapq.nsmallest(length, counts, key=lambda each: (-each.count, each.name)))
