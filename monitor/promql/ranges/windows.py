"""Where windows begin and end in samples, for many series and steps at once.

The samples of a selection are laid end to end in batches that fit the processor's cache: V timestamp vectors, and
R rows of values of which each belongs to one of the vectors. One pass over the timestamps of a batch finds the
windows of every vector and step; a kernel then works on rows × steps. A large stripe is a batch as it is, row slice
by row slice; many small ones are laid together, so that 2 000 targets of 5 series cost about what 1 of 10 000 does.
Rows with gaps get a timestamp vector of their own, without the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import Rows
from monitor.model.samples import Indices, Mask, Timestamps, Values, has_gaps, is_absent, is_stale
from monitor.promql.steps import Steps
from monitor.storage.interfaces import Bundle, Selection

AnyScalar = TypeVar("AnyScalar", bound=np.generic)


class Piece(Protocol):
    """R series that share N timestamps, a sample in every cell: a dense Stripe, for one."""

    @property
    def rows(self) -> Rows: ...
    @property
    def timestamps_ms(self) -> Timestamps: ...
    @property
    def values(self) -> Values: ...
    def read(self) -> Values:
        """The values, which need not be kept."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class DensePiece:
    rows: Rows
    timestamps_ms: Timestamps
    values: Values

    def read(self) -> Values:
        return self.values


@dataclass(frozen=True, slots=True, eq=False)
class RaggedPiece:
    """R series with their own timestamps each, laid end to end; `sizes` (R,) > 0 says how many."""

    rows: Rows
    sizes: Indices
    timestamps_ms: Timestamps
    values: Values


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The samples of a selection; each series is in at most one piece."""

    dense: Sequence[Piece] = ()
    ragged: Sequence[RaggedPiece] = ()
    bundle: Bundle | None = None
    keeps_stale: bool = False
    """Whether stale markers of the bundle count as samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """R rows of samples over V timestamp vectors, laid end to end.

    `vector_starts` (V,) and `row_starts` (R,) are positions in `timestamps_ms` and `values`; `vector_of_row` (R,) is
    None where V is 1. `rows` (R,) says which series the rows are. Neither vectors nor rows are empty.
    """

    rows: Rows
    timestamps_ms: Timestamps
    vector_starts: Indices
    values: Values
    row_starts: Indices
    vector_of_row: Indices | None

    @classmethod
    def of_one_vector(cls, piece: Piece, values: Values, start: int, stop: int) -> Batch:
        """The rows start..stop-1 of a piece and its values, not copied."""
        samples = len(piece.timestamps_ms)
        values = values[start:stop].reshape(-1)
        row_starts = np.arange(stop - start) * samples
        return cls(piece.rows[start:stop], piece.timestamps_ms, np.zeros(1, np.intp), values, row_starts, None)

    @property
    def row_sizes(self) -> Indices:
        """(R,) samples of each row."""
        return np.diff(self.row_starts, append=len(self.values))

    @property
    def vector_sizes(self) -> Indices:
        """(V,) timestamps of each vector."""
        return np.diff(self.vector_starts, append=len(self.timestamps_ms))

    def matrix(self, flat: Values) -> Values:
        """Something per sample, laid out as `values` is, as (R, N): rows shorter than the longest end in zeros."""
        if self.vector_of_row is None:
            return flat.reshape(len(self.rows), -1)
        sizes = self.row_sizes
        longest = int(sizes.max())
        matrix = np.zeros((len(sizes), longest), flat.dtype)
        shift = np.arange(len(sizes)) * longest - self.row_starts
        matrix.reshape(-1)[np.arange(len(flat)) + np.repeat(shift, sizes)] = flat
        return matrix

    def drops(self) -> Mask:
        """Which samples are less than the one before them in their row, laid out as `values` is."""
        result = np.zeros(len(self.values), np.bool_)
        np.less(self.values[1:], self.values[:-1], out=result[1:])
        result[self.row_starts] = False
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of a batch at T steps.

    The window of vector v at step t holds its samples `first[v, t]` to `end[v, t] - 1`, counted from the vector's own
    start, and covers (`ends_ms[t] - range_ms`, `ends_ms[t]`]. `evaluated_ms` (T,) is when the steps are evaluated,
    which differs from `ends_ms` by the offset.
    """

    batch: Batch
    first: Indices
    end: Indices
    ends_ms: Timestamps
    range_ms: int
    evaluated_ms: Timestamps

    @property
    def count(self) -> Indices:
        """(V, T)"""
        return self.end - self.first

    @property
    def last(self) -> Indices:
        """(V, T) the last sample of each window; nonsense where a window is empty."""
        return self.end - 1

    @property
    def cells(self) -> int:
        return len(self.batch.rows) * int(self.first.shape[1])

    def spread(self, per_vector: NDArray[AnyScalar]) -> NDArray[AnyScalar]:
        """(V, T) → (R, T), or (1, T) where one vector serves all rows."""
        return per_vector if self.batch.vector_of_row is None else per_vector[self.batch.vector_of_row]

    def times_at(self, index: Indices) -> Timestamps:
        """The timestamps (V, T) of samples `index` (V, T); anything where `index` lies outside the vector."""
        return self.batch.timestamps_ms.take(self.batch.vector_starts[:, None] + index, mode="clip")

    def values_at(self, index: Indices) -> Values:
        """The values (R, T) of samples `index` (V, T), not to be changed; anything where it lies outside the vector."""
        batch = self.batch
        if batch.vector_of_row is None:
            matrix = batch.values.reshape(len(batch.rows), -1)
            evenly = _as_slice(index[0], matrix.shape[1])
            return np.asarray(matrix.take(index[0], axis=1, mode="clip") if evenly is None else matrix[:, evenly])
        return batch.values.take(batch.row_starts[:, None] + index[batch.vector_of_row], mode="clip")

    def columns_at(self, matrix: NDArray[AnyScalar], index: Indices) -> NDArray[AnyScalar]:
        """The cells (R, T) of `matrix` (R, M) in the columns `index` (V, T)."""
        if self.batch.vector_of_row is None:
            return np.asarray(matrix.take(index[0], axis=1, mode="clip"))
        starts = np.arange(len(matrix)) * matrix.shape[1]
        return np.asarray(matrix.reshape(-1).take(starts[:, None] + index[self.batch.vector_of_row], mode="clip"))

    def of_rows(self, rows: Indices) -> Windows:
        """The same windows over some of the rows."""
        batch = self.batch
        if batch.vector_of_row is None:
            matrix = batch.values.reshape(len(batch.rows), -1)[rows]
            starts = np.arange(len(rows)) * matrix.shape[1]
            part = Batch(batch.rows[rows], batch.timestamps_ms, batch.vector_starts, matrix.reshape(-1), starts, None)
            return replace(self, batch=part)
        sizes = batch.row_sizes[rows]
        starts = np.cumsum(sizes) - sizes
        values = batch.values[np.arange(sizes.sum()) + np.repeat(batch.row_starts[rows] - starts, sizes)]
        vectors = batch.vector_of_row[rows]
        part = Batch(batch.rows[rows], batch.timestamps_ms, batch.vector_starts, values, starts, vectors)
        return replace(self, batch=part)

    def without_first(self) -> Windows:
        """Without the first sample of each window; an empty one then begins behind its end."""
        return replace(self, first=self.first + 1)

    def over(self, batch: Batch) -> Windows:
        """The same windows over another batch on the same timestamps."""
        return replace(self, batch=batch)

    def bounds(self) -> tuple[Indices, Indices]:
        """Where each row's window begins and ends in `batch.values`, (R, T) each."""
        starts = self.batch.row_starts[:, None]
        return starts + self.spread(self.first), starts + self.spread(self.end)


def _as_slice(index: Indices, size: int) -> slice | None:
    """Ascending positions below `size` that are evenly apart, as steps are if samples are; None for others."""
    first, last = int(index[0]), int(index[-1])
    apart = (last - first) // max(1, len(index) - 1)
    if first < 0 or apart < 1 or last >= size or not bool((index[1:] - index[:-1] == apart).all()):
        return None
    return slice(first, last + 1, apart)


def windows_of(batch: Batch, ends: Steps, range_ms: int, evaluated_ms: Timestamps) -> Windows:
    """The windows (end - range, end] at `ends`."""
    shift = range_ms // ends.step_ms if ends.step_ms > 0 and ends.count > 1 else 0
    if batch.vector_of_row is None or not 0 < shift < ends.count or range_ms % ends.step_ms:
        first = samples_until(batch, ends.earlier(range_ms))
        return Windows(batch, first, samples_until(batch, ends), ends.times_ms(), range_ms, evaluated_ms)
    # Starts of windows are ends of others, then: the samples are gone through once.
    counts = samples_until(batch, Steps(ends.start_ms - range_ms, ends.step_ms, ends.count + shift))
    first, end = counts[:, : ends.count], counts[:, shift:]
    return Windows(batch, first, end, ends.times_ms(), range_ms, evaluated_ms)


def samples_until(batch: Batch, steps: Steps) -> Indices:
    """How many samples each vector has at or before each step, (V, T). Takes time O(samples + V·T)."""
    if batch.vector_of_row is None:
        return batch.timestamps_ms.searchsorted(steps.times_ms(), side="right")[None, :]
    vectors = len(batch.vector_starts)
    if steps.count == 1 or steps.step_ms == 0:
        counts = np.add.reduceat(batch.timestamps_ms <= steps.start_ms, batch.vector_starts, dtype=np.intp)
        return np.broadcast_to(counts[:, None], (vectors, steps.count))
    # A sample counts at the first step that is not before it, and at all later ones.
    first_step = batch.timestamps_ms - (steps.start_ms - steps.step_ms + 1)
    first_step //= steps.step_ms
    first_step.clip(0, steps.count, out=first_step)
    first_step += np.repeat(np.arange(vectors) * (steps.count + 1), batch.vector_sizes)
    counts = np.bincount(first_step, minlength=vectors * (steps.count + 1)).reshape(vectors, -1)
    return counts[:, :-1].cumsum(axis=1)


def pieces_of(selection: Selection, *, keep_stale: bool) -> Pieces:
    """A selection without its absent cells and, unless `keep_stale`, without its stale markers."""
    dense: list[Piece] = []
    ragged: list[RaggedPiece] = []
    for stripe in selection.apart:
        if stripe.dense or not has_gaps(stripe.values):
            dense.append(stripe)
            continue
        present = ~is_absent(stripe.values)
        if not keep_stale:
            present &= ~is_stale(stripe.values)
        part = without_gaps(stripe, present)
        dense += part.dense
        ragged += part.ragged
    return Pieces(dense, ragged, selection.bundle, keep_stale)


def without_gaps(piece: Piece, present: Mask) -> Pieces:
    """The cells of `present` (R, N): the rows without gaps as one piece, the others compacted."""
    used = present.any(axis=0)
    full = present[:, used].all(axis=1)
    dense: list[Piece] = []
    if full.any() and used.any():
        values = piece.values if used.all() and full.all() else piece.values[full][:, used]
        dense.append(DensePiece(piece.rows[full], piece.timestamps_ms[used], np.ascontiguousarray(values)))
    is_ragged = ~full & present.any(axis=1)
    if not is_ragged.any():
        return Pieces(dense)
    cells = present[is_ragged]
    timestamps = np.broadcast_to(piece.timestamps_ms, cells.shape)[cells]
    sizes = cells.sum(axis=1, dtype=np.intp)
    return Pieces(dense, [RaggedPiece(piece.rows[is_ragged], sizes, timestamps, piece.values[is_ragged][cells])])
