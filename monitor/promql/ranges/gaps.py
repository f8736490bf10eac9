"""A batch without the cells in which its rows have no sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.model.samples import Indices, Mask, is_absent, is_stale
from monitor.promql.ranges.windows import Batch


@dataclass(frozen=True, slots=True, eq=False)
class _Gaps:
    """Which cells of a batch are gaps, laid out as its values are, and how that looks from its vectors.

    `vector_of_row` (R,). `is_missed` is laid out as the timestamps are: none of the vector's rows has a sample then.
    The rows of the vectors `is_ragged` (V,) have gaps at different times.
    """

    batch: Batch
    cells: Mask
    vector_of_row: Indices
    vector_of_time: Indices
    is_missed: Mask
    is_ragged: Mask

    @classmethod
    def of(cls, batch: Batch, cells: Mask) -> _Gaps:
        vectors = len(batch.vector_starts)
        vector_of_row = np.zeros(len(batch.rows), np.intp) if batch.vector_of_row is None else batch.vector_of_row
        vector_of_time = np.repeat(np.arange(vectors), batch.vector_sizes)
        gaps = np.flatnonzero(cells)
        row = np.searchsorted(batch.row_starts, gaps, side="right") - 1
        time = batch.vector_starts[vector_of_row[row]] + gaps - batch.row_starts[row]
        missing = np.bincount(time, minlength=len(batch.timestamps_ms))
        row_counts = np.bincount(vector_of_row, minlength=vectors)
        is_missed = missing == row_counts[vector_of_time]
        is_ragged = np.zeros(vectors, np.bool_)
        is_ragged[vector_of_row[row[~is_missed[time]]]] = True
        return cls(batch, cells, vector_of_row, vector_of_time, is_missed, is_ragged)

    def alike(self) -> Batch | None:
        """The vectors whose rows all have samples at the same times, without those at which there are none."""
        batch = self.batch
        times = ~self.is_missed & ~self.is_ragged[self.vector_of_time]
        sizes = np.bincount(self.vector_of_time[times], minlength=len(batch.vector_starts))
        is_kept = sizes > 0
        rows = is_kept[self.vector_of_row]
        if not rows.any():
            return None
        cells = np.repeat(rows, batch.row_sizes) & ~self.cells
        vector_of_row = (np.cumsum(is_kept) - 1)[self.vector_of_row[rows]]
        sizes = sizes[is_kept]
        row_sizes = sizes[vector_of_row]
        return Batch(
            batch.rows[rows],
            batch.timestamps_ms[times],
            np.cumsum(sizes) - sizes,
            batch.values[cells],
            np.cumsum(row_sizes) - row_sizes,
            vector_of_row if len(sizes) > 1 else None,
        )

    def ragged(self) -> Batch | None:
        """The other rows, each with a timestamp vector of its own."""
        batch = self.batch
        cells = np.repeat(self.is_ragged[self.vector_of_row], batch.row_sizes) & ~self.cells
        sizes = np.add.reduceat(cells, batch.row_starts, dtype=np.intp)
        rows = np.flatnonzero(sizes)
        if not len(rows):
            return None
        sizes = sizes[rows]
        shift = batch.vector_starts[self.vector_of_row[rows]] - batch.row_starts[rows]
        timestamps_ms = batch.timestamps_ms[np.flatnonzero(cells) + np.repeat(shift, sizes)]
        starts = np.cumsum(sizes) - sizes
        return Batch(batch.rows[rows], timestamps_ms, starts, batch.values[cells], starts, np.arange(len(rows)))


def batches_without_gaps(batch: Batch, *, keep_stale: bool) -> Iterator[Batch]:
    """The same samples without absent cells and, unless `keep_stale`, without stale markers."""
    if not np.isnan(batch.values).any():
        yield batch
        return
    cells = is_absent(batch.values)
    if not keep_stale:
        cells |= is_stale(batch.values)
    if not cells.any():
        yield batch
        return
    gaps = _Gaps.of(batch, cells)
    for part in (gaps.alike(), gaps.ragged()):
        if part is not None:
            yield part
