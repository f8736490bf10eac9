"""Bringing native histograms to one shape, so that they can be added as rows (model/histogram upstream).

Rows of cells are (C,) or (N, C). What may differ is the resolution, the width of the zero bucket, which buckets there
are, and custom bounds. Exponential and custom buckets do not go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.model.native_histograms import (
    BUCKETS,
    ZERO_COUNT,
    BucketIndices,
    HistogramShape,
    NativeHistogram,
    upper_bounds,
)
from monitor.model.samples import Values


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """How rows of one shape become rows of another, by adding neighbours: the cell i begins at the old `starts[i]`."""

    shape: HistogramShape
    starts: BucketIndices

    @classmethod
    def of(cls, shape: HistogramShape, of_negative: BucketIndices, of_positive: BucketIndices) -> Move:
        """The old buckets go to the new ones of these numbers, ascending."""
        targets = np.concatenate([np.arange(BUCKETS), BUCKETS + of_negative, shape.positive_start + of_positive])
        return cls(shape, np.flatnonzero(np.diff(targets, prepend=-1)))

    def apply(self, cells: Values) -> Values:
        return np.asarray(np.add.reduceat(cells, self.starts, axis=-1))


@lru_cache(maxsize=256)
def joint_shape(a: HistogramShape, b: HistogramShape) -> HistogramShape:
    """With the buckets of both; they have one scale."""
    negative, positive = np.union1d(a.negative, b.negative), np.union1d(a.positive, b.positive)
    if len(negative) == len(a.negative) and len(positive) == len(a.positive):
        return a
    if len(negative) == len(b.negative) and len(positive) == len(b.positive):
        return b
    return HistogramShape(a.schema, a.zero_threshold, a.custom_bounds, negative, positive)


@lru_cache(maxsize=256)
def _spread(shape: HistogramShape, wider: HistogramShape) -> BucketIndices:
    """The columns of `wider`, which has all buckets of `shape`, in which the cells of `shape` stand."""
    negative = BUCKETS + np.searchsorted(wider.negative, shape.negative)
    positive = wider.positive_start + np.searchsorted(wider.positive, shape.positive)
    return np.concatenate([np.arange(BUCKETS), negative, positive])


def spread(cells: Values, shape: HistogramShape, wider: HistogramShape) -> Values:
    """Rows of `shape` as rows of `wider`, which has all its buckets."""
    if shape is wider:
        return cells
    result = np.zeros((*cells.shape[:-1], wider.cells))
    result[..., _spread(shape, wider)] = cells
    return result


@lru_cache(maxsize=256)
def coarser(shape: HistogramShape, schema: int) -> Move:
    """To a lower schema."""
    by = shape.schema - schema
    negative, of_negative = np.unique(((shape.negative - 1) >> by) + 1, return_inverse=True)
    positive, of_positive = np.unique(((shape.positive - 1) >> by) + 1, return_inverse=True)
    reduced = HistogramShape(schema, shape.zero_threshold, (), negative, positive)
    return Move.of(reduced, of_negative, of_positive)


@lru_cache(maxsize=256)
def with_bounds(shape: HistogramShape, bounds: tuple[float, ...]) -> Move:
    """To custom bounds which are all among those of the shape."""
    uppers = upper_bounds(shape, shape.positive)
    positive, of_positive = np.unique(np.searchsorted(np.array(bounds), uppers), return_inverse=True)
    rebound = HistogramShape(shape.schema, shape.zero_threshold, bounds, shape.negative, positive)
    return Move.of(rebound, np.empty(0, np.int64), of_positive)


def with_zero_threshold(histogram: NativeHistogram, threshold: float) -> NativeHistogram:
    """With a zero bucket at least that wide, and wider if its edge would be within a bucket that is not empty."""
    shape, cells = histogram.shape, histogram.cells
    if threshold == shape.zero_threshold:
        return histogram
    negative, positive = _lower_edges(shape, shape.negative), _lower_edges(shape, shape.positive)
    edges = [(negative, shape.negative, slice(BUCKETS, shape.positive_start))]
    edges.append((positive, shape.positive, slice(shape.positive_start, None)))
    while True:
        wider = threshold
        for lower, indices, columns in edges:
            inside = (lower < threshold) & (cells[columns] != 0)
            if inside.any():
                wider = max(wider, float(upper_bounds(shape, indices[inside]).max()))
        if wider == threshold:
            break
        threshold = wider
    return _swallowed(histogram, threshold, negative < threshold, positive < threshold)


def _lower_edges(shape: HistogramShape, indices: BucketIndices) -> Values:
    return upper_bounds(shape, indices - 1)


def _swallowed(
    histogram: NativeHistogram,
    threshold: float,
    negative: np.ndarray[tuple[int], np.dtype[np.bool_]],
    positive: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> NativeHistogram:
    """With the buckets `negative` and `positive` taken into the zero bucket."""
    shape, cells = histogram.shape, histogram.cells
    kept = np.concatenate([np.ones(BUCKETS, np.bool_), ~negative, ~positive])
    narrowed = HistogramShape(shape.schema, threshold, (), shape.negative[~negative], shape.positive[~positive])
    result = cells[kept]
    result[ZERO_COUNT] += cells[~kept].sum()
    return NativeHistogram(narrowed, result, histogram.hint)


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Two histograms as rows of one shape. `reconciled`: custom bounds that only one of them had went."""

    shape: HistogramShape
    left: Values
    right: Values
    reconciled: bool = False


def match(left: NativeHistogram, right: NativeHistogram) -> Matched | None:
    """None if one has exponential and the other custom buckets."""
    if left.shape is right.shape:
        return Matched(left.shape, left.cells, right.cells)
    if left.shape.is_custom != right.shape.is_custom:
        return None
    if left.shape.has_scale_of(right.shape):
        return _matched(left.shape, left.cells, right.shape, right.cells)
    if left.shape.is_custom:
        shared = tuple(sorted(set(left.shape.custom_bounds) & set(right.shape.custom_bounds)))
        moves = with_bounds(left.shape, shared), with_bounds(right.shape, shared)
        cells = moves[0].apply(left.cells), moves[1].apply(right.cells)
        return _matched(moves[0].shape, cells[0], moves[1].shape, cells[1], reconciled=True)
    left, right = _with_one_zero_bucket(left, right)
    schema = min(left.shape.schema, right.shape.schema)
    left, right = with_schema(left, schema), with_schema(right, schema)
    return _matched(left.shape, left.cells, right.shape, right.cells)


def with_schema(histogram: NativeHistogram, schema: int) -> NativeHistogram:
    """With exponential buckets of that schema, which is not above its own."""
    if histogram.shape.schema == schema:
        return histogram
    move = coarser(histogram.shape, schema)
    return NativeHistogram(move.shape, move.apply(histogram.cells), histogram.hint)


def _with_one_zero_bucket(left: NativeHistogram, right: NativeHistogram) -> tuple[NativeHistogram, NativeHistogram]:
    while left.shape.zero_threshold != right.shape.zero_threshold:
        threshold = max(left.shape.zero_threshold, right.shape.zero_threshold)
        left, right = with_zero_threshold(left, threshold), with_zero_threshold(right, threshold)
    return left, right


def _matched(
    left_shape: HistogramShape, left: Values, right_shape: HistogramShape, right: Values, *, reconciled: bool = False
) -> Matched:
    shape = joint_shape(left_shape, right_shape)
    return Matched(shape, spread(left, left_shape, shape), spread(right, right_shape, shape), reconciled)
