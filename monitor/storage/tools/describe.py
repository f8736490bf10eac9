"""What is in the blocks of a data directory: their times and sizes, and where series, samples and bytes come from."""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.model.labels import METRIC_NAME
from monitor.storage.blocks.block import Block


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """One sealed block. Times are inclusive."""

    block_id: str
    min_ms: int
    max_ms: int
    series: int
    samples: int
    bytes: int
    level: int

    @property
    def bytes_per_sample(self) -> float:
        return self.bytes / self.samples if self.samples else 0.0


@dataclass(frozen=True, slots=True)
class MetricCost:
    """What one metric name takes in one or more blocks; `bytes` are those of its slabs."""

    metric: str
    series: int
    samples: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label with its different values, and the series that have it."""

    name: str
    values: int
    series: int


@dataclass(frozen=True, slots=True)
class Cardinality:
    """Of one block, or of several: then a series counts once in each block that has it."""

    series: int
    samples: int
    metrics: tuple[MetricCost, ...]
    labels: tuple[LabelCount, ...]


def block_paths(data: Path) -> list[Path]:
    """The sealed blocks of a data directory or a snapshot, oldest first."""
    return sorted((data / "blocks").glob("*.sqlite"), key=lambda path: int(path.name.split("-")[0]))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Block]:
    """Raises CorruptData."""
    block = Block(path)
    try:
        yield block
    finally:
        block.close()


def summarize(path: Path) -> BlockSummary:
    """Raises CorruptData."""
    with opened(path) as block:
        meta = block.meta
        size = path.stat().st_size
        return BlockSummary(block.block_id, meta.min_ms, meta.max_ms, meta.series, meta.samples, size, meta.level)


def analyze(paths: Iterable[Path], length: int) -> Cardinality:
    """The `length` metrics with the most series, and labels with the most values. Raises CorruptData."""
    costs: dict[str, Counter[str]] = {}
    values_by_label: dict[str, set[str]] = {}
    series_by_label: Counter[str] = Counter()
    series = samples = 0
    for path in paths:
        with opened(path) as block:
            series += block.meta.series
            samples += block.meta.samples
            for cost in metric_costs(block):
                counter = costs.setdefault(cost.metric, Counter())
                counter.update(series=cost.series, samples=cost.samples, bytes=cost.bytes)
            postings = block.postings()
            for name in postings.names():
                values = list(postings.values(name))
                values_by_label.setdefault(name, set()).update(values)
                series_by_label[name] += sum(len(postings.posting(name, value) or ()) for value in values)
    metrics = (
        MetricCost(metric, counter["series"], counter["samples"], counter["bytes"]) for metric, counter in costs.items()
    )
    labels = (LabelCount(name, len(values), series_by_label[name]) for name, values in values_by_label.items())
    return Cardinality(
        series,
        samples,
        tuple(heapq.nsmallest(length, metrics, key=lambda cost: (-cost.series, cost.metric))),
        tuple(heapq.nsmallest(length, labels, key=lambda label: (-label.values, label.name))),
    )


def metric_costs(block: Block) -> list[MetricCost]:
    """One for each metric name of the block. Absent cells of a slab count as samples here."""
    column = block.labels(np.arange(block.meta.series, dtype=np.uint32)).column(METRIC_NAME)
    directory = block.slab_directory()
    metric = column.codes[directory[:, 1]]
    cells = directory[:, 3] * block.vector_rows()[directory[:, 0] - 1]
    size = len(column.values)
    series = np.bincount(column.codes, minlength=size)
    samples = np.bincount(metric, cells, size).astype(np.int64)
    slab_bytes = block.slab_bytes()
    data = np.bincount(metric, [slab_bytes[slab_id] for slab_id in directory[:, 5].tolist()], size).astype(np.int64)
    return [
        MetricCost(column.values[code], int(series[code]), int(samples[code]), int(data[code]))
        for code in column.used().tolist()
    ]
