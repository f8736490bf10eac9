"""Sums and means of many native histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model.native_histograms import HistogramShape, NativeHistogram, ResetHint
from monitor.model.samples import Values
from monitor.promql.histograms.arithmetic import joint_hint
from monitor.promql.histograms.shapes import coarser, joint_shape, spread, with_bounds, with_zero_threshold

_CANCELLATION_MAX = 1e-3
"""Where less than this share of the largest summand is left, the sum is done again, exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class Unified:
    """N histograms as rows of one shape. `reconciled`: custom bounds that not all of them had went."""

    shape: HistogramShape
    cells: Values
    reconciled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """`collided`: some said that they are resets, others that they are none. `reconciled`: see Unified."""

    histogram: NativeHistogram
    collided: bool
    reconciled: bool


def total(histograms: Sequence[NativeHistogram], *, mean: bool) -> Total | None:
    """The sum, or the mean, of at least one histogram. None if some have exponential and others custom buckets."""
    unified = unify(histograms)
    if unified is None:
        return None
    cells = _mean_of_rows(unified.cells) if mean else _sum_of_rows(unified.cells)
    hints = {histogram.hint for histogram in histograms}
    hint = histograms[0].hint
    for other in hints:
        hint, _ = joint_hint(hint, other)
    if ResetHint.GAUGE in hints:
        hint = ResetHint.GAUGE
    collided = hints >= {ResetHint.RESET, ResetHint.NOT_RESET}
    return Total(NativeHistogram(unified.shape, cells, hint), collided, unified.reconciled)


def _sum_of_rows(rows: Values) -> Values:
    """(N, C) → (C,), as good as upstream's Kahan summation."""
    if len(rows) == 1:
        return np.asarray(rows[0])
    sums = rows.sum(axis=0, dtype=np.longdouble)
    delicate = np.abs(sums) < _CANCELLATION_MAX * np.abs(rows).max(axis=0)
    result: Values = sums.astype(np.float64)
    for column in np.flatnonzero(delicate).tolist():
        result[column] = _exact_sum(rows[:, column])
    return result


def _exact_sum(values: Values) -> float:
    return math.fsum(values.tolist()) if bool(np.isfinite(values).all()) else float(values.sum())


def _mean_of_rows(rows: Values) -> Values:
    """(N, C) → (C,); finite even where the sum is not."""
    sums = _sum_of_rows(rows)
    means = sums / len(rows)
    overflown = np.isinf(sums) & np.isfinite(rows).all(axis=0)
    return np.where(overflown, (rows / len(rows)).sum(axis=0), means) if overflown.any() else means


def unify(histograms: Sequence[NativeHistogram]) -> Unified | None:
    """None if some have exponential and others custom buckets."""
    shapes = {id(histogram.shape): histogram.shape for histogram in histograms}
    if len(shapes) == 1:
        return Unified(histograms[0].shape, np.stack([histogram.cells for histogram in histograms]), False)
    if len({shape.is_custom for shape in shapes.values()}) > 1:
        return None
    if histograms[0].shape.is_custom:
        return _unified_custom(histograms, list(shapes.values()))
    return _unified_exponential(histograms)


def _unified_custom(histograms: Sequence[NativeHistogram], shapes: Sequence[HistogramShape]) -> Unified:
    shared = tuple(sorted(set.intersection(*(set(shape.custom_bounds) for shape in shapes))))
    reconciled = any(shape.custom_bounds != shared for shape in shapes)
    moves = {id(shape): with_bounds(shape, shared) for shape in shapes}
    moved = [
        NativeHistogram(moves[id(each.shape)].shape, moves[id(each.shape)].apply(each.cells)) for each in histograms
    ]
    return _stacked(moved, reconciled)


def _unified_exponential(histograms: Sequence[NativeHistogram]) -> Unified:
    widened = list(histograms)
    while len({each.shape.zero_threshold for each in widened}) > 1:
        threshold = max(each.shape.zero_threshold for each in widened)
        widened = [with_zero_threshold(each, threshold) for each in widened]
    schema = min(each.shape.schema for each in widened)
    moves = {id(each.shape): coarser(each.shape, schema) for each in widened if each.shape.schema != schema}
    moved = []
    for each in widened:
        move = moves.get(id(each.shape))
        moved.append(each if move is None else NativeHistogram(move.shape, move.apply(each.cells)))
    return _stacked(moved, False)


def _stacked(histograms: Sequence[NativeHistogram], reconciled: bool) -> Unified:
    """They have one scale."""
    shapes = list({id(histogram.shape): histogram.shape for histogram in histograms}.values())
    shape = shapes[0]
    for other in shapes[1:]:
        shape = joint_shape(shape, other)
    rows = [spread(histogram.cells, histogram.shape, shape) for histogram in histograms]
    return Unified(shape, np.stack(rows), reconciled)
