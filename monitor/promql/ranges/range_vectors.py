"""Range vectors, and the functions that turn their windows into numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.model.native_histograms import Histograms
from monitor.model.samples import Indices, Mask, Timestamps, Values, spans
from monitor.promql.histograms.components import HistogramRun
from monitor.promql.limits import Guard
from monitor.promql.ranges.batches import batches
from monitor.promql.ranges.windows import Batch, Pieces, Windows, windows_of
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import RangeModifier

Kernel = Callable[[Windows], Values]
"""Windows over R rows and T steps → values (R, T); unspecified for windows with too few samples."""


@dataclass(frozen=True, slots=True, eq=False)
class RangeVector:
    """Samples in windows: at each of `ends`, those of the `range_ms` before it, the end included, the start not.

    `ends` are the steps of the evaluation moved by the offset, or all the same where there is an `@`.
    """

    labels: LabelFrame
    pieces: Pieces
    ends: Steps
    range_ms: int
    modifier: RangeModifier | None = None
    histograms: tuple[HistogramRun, ...] = ()
    """The native histograms of the series that have any, without stale markers."""


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """Values (S, T) and where there are some; None: everywhere."""

    values: Values
    present: Mask | None


def compute(vector: RangeVector, kernel: Kernel, samples_min: int, evaluated_ms: Timestamps, guard: Guard) -> Computed:
    """`kernel` over all windows; where a window has fewer than `samples_min` samples there is no value."""

    def batch_result(batch: Batch) -> tuple[Values, Mask]:
        windows = windows_of(batch, vector.ends, vector.range_ms, evaluated_ms)
        return kernel(windows), windows.spread(windows.count >= samples_min)

    return assemble(vector.labels.size, vector.ends.count, vector.pieces, batch_result, guard)


def assemble(
    size: int,
    steps: int,
    pieces: Pieces,
    batch_result: Callable[[Batch], tuple[Values, Mask]],
    guard: Guard,
) -> Computed:
    """The results of all batches in one matrix of `size` × `steps`.

    `batch_result` gives values (R, T) and where they count, (R, T) or (1, T).
    """
    values = np.empty((size, steps))
    present = np.zeros((size, steps), np.bool_)
    for batch in batches(pieces, steps):
        guard.check()
        batch_values, batch_present = batch_result(batch)
        rows = _as_slice(batch)
        values[rows] = batch_values
        present[rows] = batch_present
    return Computed(values, None if present.all() else present)


@dataclass(frozen=True, slots=True, eq=False)
class SampleRuns:
    """S series with their own timestamps, laid end to end: those of series s stand at `starts[s]` to `starts[s + 1]`.

    `starts` has S + 1 entries.
    """

    labels: LabelFrame
    starts: Indices
    timestamps_ms: Timestamps
    values: Values
    histograms: Histograms | None = None
    """Beside `values`: where a sample is a native histogram, that one."""


@dataclass(frozen=True, slots=True, eq=False)
class RowSamples:
    """Samples of some rows of a selection, row after row; `counts` says how many each has."""

    rows: Indices
    counts: Indices
    timestamps_ms: Timestamps
    values: Values


def window_samples(vector: RangeVector, guard: Guard) -> Iterator[RowSamples]:
    """The samples in the windows of a range vector of one step."""
    for batch in batches(vector.pieces, 1):
        guard.check()
        windows = windows_of(batch, vector.ends, vector.range_ms, vector.ends.times_ms())
        counts = np.broadcast_to(windows.spread(windows.count), (len(batch.rows), 1))[:, 0]
        begin, _ = windows.bounds()
        begin_times = np.broadcast_to(windows.spread(batch.vector_starts[:, None] + windows.first), begin.shape)
        times_ms = batch.timestamps_ms[spans(begin_times[:, 0], counts)]
        yield RowSamples(batch.rows, counts, times_ms, batch.values[spans(begin[:, 0], counts)])


def sample_runs(labels: LabelFrame, samples: Iterable[RowSamples]) -> SampleRuns:
    """All samples by series, sorted by labels, without series that have none."""
    nothing = RowSamples(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0))
    parts = [nothing, *samples]
    rows, counts = np.concatenate([part.rows for part in parts]), np.concatenate([part.counts for part in parts])
    timestamps_ms = np.concatenate([part.timestamps_ms for part in parts])
    values = np.concatenate([part.values for part in parts])
    starts = np.cumsum(counts) - counts
    position = np.empty(labels.size, np.intp)
    position[labels.order()] = np.arange(labels.size)
    order = np.argsort(position[rows])
    order = order[counts[order] > 0]
    chosen = spans(starts[order], counts[order])
    run_starts = np.concatenate([[0], np.cumsum(counts[order])])
    return SampleRuns(labels.take(rows[order]), run_starts, timestamps_ms[chosen], values[chosen])


def _as_slice(batch: Batch) -> slice | np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The batch's rows, as a slice if they are evenly apart: assigning to one is several times faster."""
    rows = batch.rows
    if len(rows) == 1:
        return slice(int(rows[0]), int(rows[0]) + 1)
    apart = np.diff(rows)
    if apart[0] > 0 and bool((apart == apart[0]).all()):
        return slice(int(rows[0]), int(rows[-1]) + 1, int(apart[0]))
    return rows
