"""Native histograms added, subtracted, scaled and compared one by one (model/histogram/float_histogram.go upstream)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.model.native_histograms import (
    BUCKETS,
    SUM,
    ZERO_COUNT,
    HistogramShape,
    NativeHistogram,
    ResetHint,
    empty_shape,
)
from monitor.model.samples import Mask, Values
from monitor.promql.histograms.shapes import match, with_bounds, with_schema, with_zero_threshold


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """`collided`: one said that it is a reset, the other that it is none. `reconciled`: see shapes.Matched."""

    histogram: NativeHistogram
    collided: bool
    reconciled: bool


def add(left: NativeHistogram, right: NativeHistogram) -> Combined | None:
    """None if one has exponential and the other custom buckets."""
    return _combined(left, right, 1)


def subtract(left: NativeHistogram, right: NativeHistogram) -> Combined | None:
    """None if one has exponential and the other custom buckets."""
    return _combined(left, right, -1)


def _combined(left: NativeHistogram, right: NativeHistogram, sign: int) -> Combined | None:
    matched = match(left, right)
    if matched is None:
        return None
    cells = matched.left + matched.right if sign > 0 else matched.left - matched.right
    hint, collided = joint_hint(left.hint, right.hint)
    return Combined(NativeHistogram(matched.shape, cells, hint), collided, matched.reconciled)


def joint_hint(left: ResetHint, right: ResetHint) -> tuple[ResetHint, bool]:
    """The hint of a sum, and whether the two contradict each other."""
    if left is right:
        return left, False
    if ResetHint.GAUGE in (left, right):
        return ResetHint.GAUGE, False
    return ResetHint.UNKNOWN, ResetHint.UNKNOWN not in (left, right)


def scaled(histogram: NativeHistogram, factor: float) -> NativeHistogram:
    hint = ResetHint.GAUGE if factor < 0 else histogram.hint
    return NativeHistogram(histogram.shape, histogram.cells * factor, hint)


def divided(histogram: NativeHistogram, divisor: float) -> NativeHistogram:
    """By 0 nothing is left of the buckets but the zero bucket."""
    if divisor == 0:
        return NativeHistogram(empty_shape(histogram.shape), histogram.cells[:BUCKETS] / divisor, histogram.hint)
    hint = ResetHint.GAUGE if divisor < 0 else histogram.hint
    return NativeHistogram(histogram.shape, histogram.cells / divisor, hint)


def gauge(histogram: NativeHistogram) -> NativeHistogram:
    return NativeHistogram(histogram.shape, histogram.cells, ResetHint.GAUGE)


def nothing_like(histogram: NativeHistogram) -> NativeHistogram:
    """A histogram without observations that can be taken from `histogram`."""
    return NativeHistogram(histogram.shape, np.zeros_like(histogram.cells))


def are_equal(left: NativeHistogram, right: NativeHistogram) -> bool:
    """Bit by bit, as far as anything was counted; empty buckets and hints make no difference."""
    if not left.shape.has_scale_of(right.shape):
        return False
    matched = match(left, right)
    assert matched is not None, "BUG: got histograms of one scale that do not match"
    heads = matched.left[:BUCKETS].view(np.uint64) == matched.right[:BUCKETS].view(np.uint64)
    tails = _same(matched.left[BUCKETS:], matched.right[BUCKETS:])
    return bool(heads.all() and tails.all())


def _same(left: Values, right: Values) -> Mask:
    return np.asarray((left == right) | (left.view(np.uint64) == right.view(np.uint64)))


def is_reset(current: NativeHistogram, previous: NativeHistogram) -> bool:
    """Whether the counter began anew between the two (DetectReset upstream)."""
    if current.hint is ResetHint.RESET:
        return True
    if current.hint is ResetHint.NOT_RESET:
        return False
    if current.count < previous.count:
        return True
    if current.shape.is_custom:
        return _is_custom_reset(current, previous)
    if previous.shape.is_custom or current.shape.schema > previous.shape.schema:
        return True
    return _is_exponential_reset(current, previous)


def _is_custom_reset(current: NativeHistogram, previous: NativeHistogram) -> bool:
    if not previous.shape.is_custom:
        return True
    if current.shape.custom_bounds != previous.shape.custom_bounds:
        shared = tuple(sorted(set(current.shape.custom_bounds) & set(previous.shape.custom_bounds)))
        current, previous = _rebound(current, shared), _rebound(previous, shared)
    return _has_lower_bucket(current, previous)


def _rebound(histogram: NativeHistogram, bounds: tuple[float, ...]) -> NativeHistogram:
    move = with_bounds(histogram.shape, bounds)
    return NativeHistogram(move.shape, move.apply(histogram.cells))


def _is_exponential_reset(current: NativeHistogram, previous: NativeHistogram) -> bool:
    threshold = current.shape.zero_threshold
    if threshold < previous.shape.zero_threshold:
        return True
    widened = with_zero_threshold(previous, threshold)
    if widened.shape.zero_threshold != threshold:
        return True
    return _has_lower_bucket(current, with_schema(widened, current.shape.schema))


def _has_lower_bucket(current: NativeHistogram, previous: NativeHistogram) -> bool:
    matched = match(current, previous)
    assert matched is not None, "BUG: got histograms of one scale that do not match"
    return bool((matched.left[ZERO_COUNT:] < matched.right[ZERO_COUNT:]).any())


def resets_within(shape: HistogramShape, cells: Values) -> Mask:
    """Which of N histograms of one shape, in the order of time, began anew; the first did not. (N,)"""
    result = np.zeros(len(cells), np.bool_)
    columns = np.delete(np.arange(shape.cells), SUM)
    result[1:] = (cells[1:, columns] < cells[:-1, columns]).any(axis=1)
    return result


def with_hints_from_data(histograms: Sequence[NativeHistogram]) -> list[NativeHistogram]:
    """Each counter with the hint that its difference from the one before it gives (HistogramStatsIterator upstream)."""
    if not histograms:
        return []
    shape = only_shape(histograms)
    if shape is not None:
        resets = resets_within(shape, np.stack([histogram.cells for histogram in histograms])).tolist()
    else:
        resets = [False, *(is_reset(after, before) for before, after in pairwise(histograms))]
    unknown, told = ResetHint.UNKNOWN, (ResetHint.NOT_RESET, ResetHint.RESET)
    return [
        NativeHistogram(each.shape, each.cells, told[reset]) if each.hint is unknown else each
        for each, reset in zip(histograms, resets, strict=True)
    ]


def only_shape(histograms: Sequence[NativeHistogram]) -> HistogramShape | None:
    """The shape that all of at least one histogram have; None if there are several."""
    shape: HistogramShape = histograms[0].shape
    return shape if all(histogram.shape is shape for histogram in histograms) else None
