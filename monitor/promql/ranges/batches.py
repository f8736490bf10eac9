"""The samples of a selection in batches that fit the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Indices
from monitor.promql.ranges.gaps import batches_without_gaps
from monitor.promql.ranges.windows import AnyScalar, Batch, DensePiece, Piece, Pieces, RaggedPiece
from monitor.storage.interfaces import Bundle

SAMPLES_PER_BATCH = 1 << 17
CELLS_PER_BATCH = 1 << 16
"""Half a MiB a temporary array: some of them stay in a level 2 cache of 1 MiB."""


def batches(pieces: Pieces, steps: int) -> Iterator[Batch]:
    """All pieces, in batches of about SAMPLES_PER_BATCH samples and at most CELLS_PER_BATCH rows × `steps`."""
    rows_max = max(1, CELLS_PER_BATCH // max(1, steps))
    if not pieces.ragged and pieces.bundle is None and len(pieces.dense) == 1:
        (piece,) = pieces.dense
        if _is_one_batch(piece, rows_max):
            yield Batch.of_one_vector(piece, piece.read(), 0, len(piece.rows))
            return
    for ragged in pieces.ragged:
        yield from _ragged_batches(ragged, rows_max)
    if pieces.bundle is not None:
        dense_vectors = pieces.bundle.dense_vectors
        yield from _bundle_batches(pieces.bundle, 0, dense_vectors, rows_max)
        for batch in _bundle_batches(pieces.bundle, dense_vectors, len(pieces.bundle.row_counts), rows_max):
            yield from batches_without_gaps(batch, keep_stale=pieces.keeps_stale)
    sizes = np.array([len(piece.timestamps_ms) for piece in pieces.dense], np.intp)
    rows = np.array([len(piece.rows) for piece in pieces.dense], np.intp)
    is_large = (sizes * rows > SAMPLES_PER_BATCH // 4) | (rows > rows_max // 2)
    is_small = ~is_large & (sizes * rows > 0)
    for index in np.flatnonzero(is_large & (sizes > 0)).tolist():
        yield from _slices(pieces.dense[index], rows_max)
    small = pieces.dense
    if not is_small.all():
        small = [pieces.dense[index] for index in np.flatnonzero(is_small).tolist()]
    yield from _laid_together(small, sizes[is_small], rows[is_small], rows_max)


def _is_one_batch(piece: Piece, rows_max: int) -> bool:
    """A query for one series need not pay for putting many together."""
    rows, samples = len(piece.rows), len(piece.timestamps_ms)
    return 0 < rows <= rows_max and 0 < rows * samples <= SAMPLES_PER_BATCH


def _slices(piece: Piece, rows_max: int) -> Iterator[Batch]:
    rows = min(rows_max, max(1, SAMPLES_PER_BATCH // len(piece.timestamps_ms)))
    values = piece.read()
    for start in range(0, len(piece.rows), rows):
        yield Batch.of_one_vector(piece, values, start, min(start + rows, len(piece.rows)))


def _ragged_batches(piece: RaggedPiece, rows_max: int) -> Iterator[Batch]:
    starts = np.cumsum(piece.sizes) - piece.sizes
    for first, stop in _cuts(piece.sizes, np.ones(len(piece.rows), np.intp), rows_max):
        begin = starts[first]
        end = starts[stop] if stop < len(starts) else len(piece.values)
        row_starts = starts[first:stop] - begin
        rows, values = piece.rows[first:stop], piece.values[begin:end]
        yield Batch(rows, piece.timestamps_ms[begin:end], row_starts, values, row_starts, np.arange(stop - first))


def _bundle_batches(bundle: Bundle, begin_vector: int, end_vector: int, rows_max: int) -> Iterator[Batch]:
    """The vectors from `begin_vector` to `end_vector` - 1."""
    sizes, row_counts = bundle.vector_sizes, bundle.row_counts
    row_ends = np.cumsum(row_counts)
    chosen = slice(begin_vector, end_vector)
    for first_chosen, stop_chosen in _cuts((sizes * row_counts)[chosen], row_counts[chosen], rows_max):
        first, stop = begin_vector + first_chosen, begin_vector + stop_chosen
        values = bundle.read_vectors(first, stop)
        begin, end = bundle.vector_starts[first], bundle.vector_starts[stop - 1] + sizes[stop - 1]
        timestamps_ms = bundle.timestamps_ms[begin:end]
        rows = bundle.rows[row_ends[first] - row_counts[first] : row_ends[stop - 1]]
        if stop - first == 1:
            yield from _slices(DensePiece(rows, timestamps_ms, values.reshape(len(rows), -1)), rows_max)
            continue
        vector_of_row = np.repeat(np.arange(stop - first), row_counts[first:stop])
        row_sizes = sizes[first:stop][vector_of_row]
        vector_starts = bundle.vector_starts[first:stop] - begin
        yield Batch(rows, timestamps_ms, vector_starts, values, np.cumsum(row_sizes) - row_sizes, vector_of_row)


def _laid_together(pieces: Sequence[Piece], sizes: Indices, row_counts: Indices, rows_max: int) -> Iterator[Batch]:
    """`sizes` and `row_counts` of the pieces are those of their timestamps and rows."""
    for first, stop in _cuts(sizes * row_counts, row_counts, rows_max):
        part = pieces[first:stop]
        if len(part) == 1:
            yield Batch.of_one_vector(part[0], part[0].read(), 0, len(part[0].rows))
            continue
        vector_of_row = np.repeat(np.arange(len(part)), row_counts[first:stop])
        row_sizes = sizes[first:stop][vector_of_row]
        yield Batch(
            np.concatenate([piece.rows for piece in part]),
            _laid_end_to_end([piece.timestamps_ms for piece in part], np.int64),
            np.cumsum(sizes[first:stop]) - sizes[first:stop],
            _laid_end_to_end([piece.read() for piece in part], np.float64),
            np.cumsum(row_sizes) - row_sizes,
            vector_of_row,
        )


def _laid_end_to_end(arrays: list[Any], dtype: type[AnyScalar]) -> NDArray[AnyScalar]:
    """All elements of C-contiguous arrays. For small arrays six times as fast as np.concatenate: 87 against 545 us."""
    return np.frombuffer(b"".join(arrays), dtype)


def _cuts(samples: Indices, rows: Indices, rows_max: int) -> Iterator[tuple[int, int]]:
    """Cuts a list of things with so many samples and rows each into runs that fit a batch: (first, stop) of each."""
    samples_sum, rows_sum = np.cumsum(samples), np.cumsum(rows)
    first = 0
    while first < len(samples):
        samples_before = samples_sum[first] - samples[first]
        rows_before = rows_sum[first] - rows[first]
        stop = min(
            np.searchsorted(samples_sum, samples_before + SAMPLES_PER_BATCH, side="right"),
            np.searchsorted(rows_sum, rows_before + rows_max, side="right"),
        )
        stop = max(int(stop), first + 1)
        yield first, stop
        first = stop
