"""The operators `</` and `>/`: the observations of a native histogram below, or above, a limit.

A bucket that holds the limit is divided by interpolation. The new sum is estimated from the middles of what is kept;
only where nothing goes it stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.native_histograms import (
    BUCKETS,
    COUNT,
    SUM,
    ZERO_COUNT,
    NativeHistogram,
    ordered_buckets,
)
from monitor.model.samples import Mask, Values


@dataclass(frozen=True, slots=True, eq=False)
class _Buckets:
    """Bounds and counts of the buckets that are not empty, (B,) each; `is_linear` of how they are divided."""

    lower: Values
    upper: Values
    counts: Values
    is_linear: Mask
    is_custom: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What is left of each bucket, and where its middle is."""

    counts: Values
    middles: Values


def trimmed(histogram: NativeHistogram, limit: float, *, keeps_lower: bool) -> NativeHistogram:
    shape, cells = histogram.shape, histogram.cells.copy()
    columns = ordered_buckets(shape).columns
    chosen = np.flatnonzero(np.where(columns == ZERO_COUNT, cells[columns] > 0, cells[columns] != 0))
    buckets = _buckets(histogram, chosen)
    kept = _below(buckets, limit) if keeps_lower else _above(buckets, limit)
    if bool((kept.counts == buckets.counts).all()):
        return histogram
    cells[columns[chosen]] = kept.counts
    cells[COUNT] = kept.counts.sum()
    cells[SUM] = np.where(kept.counts == 0, 0.0, kept.counts * kept.middles).sum()
    return NativeHistogram(shape, cells, histogram.hint)


def _buckets(histogram: NativeHistogram, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> _Buckets:
    """With a zero bucket that ends at 0 where there are observations on one side only."""
    shape, cells = histogram.shape, histogram.cells
    ordered = ordered_buckets(shape)
    lower, upper, columns = ordered.lower[chosen], ordered.upper[chosen], ordered.columns[chosen]
    is_zero = columns == ZERO_COUNT
    has_negative = bool((cells[BUCKETS : shape.positive_start] != 0).any())
    has_positive = bool((cells[shape.positive_start :] != 0).any())
    if has_positive and not has_negative:
        lower = np.where(is_zero, 0.0, lower)
    if has_negative and not has_positive:
        upper = np.where(is_zero, 0.0, upper)
    return _Buckets(lower, upper, cells[columns], is_zero | shape.is_custom, shape.is_custom)


def _below(buckets: _Buckets, limit: float) -> _Kept:
    """Of a bucket without end nothing is known inside: from -Inf on it is kept, up to +Inf it goes.

    One from -Inf to a positive bound counts as beginning at 0.
    """
    lower, upper, counts = buckets.lower, buckets.upper, buckets.counts
    is_half = (lower < limit) & (limit < upper)
    from_zero = (lower == -np.inf) & (upper > 0) & (upper != np.inf)
    lower = np.where(from_zero, 0.0, lower)
    part = np.where(from_zero & (limit < 0), 0.0, counts * _share_below(buckets, lower, limit))
    part = np.where(upper == np.inf, 0.0, np.where(lower == -np.inf, counts, part))
    kept = np.where(is_half, part, np.where(upper <= limit, counts, 0.0))
    return _Kept(kept, _middles(buckets, lower, np.where(is_half, limit, upper)))


def _above(buckets: _Buckets, limit: float) -> _Kept:
    """The other way round: up to +Inf it is kept, from -Inf on it goes."""
    lower, upper, counts = buckets.lower, buckets.upper, buckets.counts
    is_half = (lower < limit) & (limit < upper)
    from_zero = (lower == -np.inf) & (upper > 0) & (upper != np.inf)
    starts = np.where(from_zero, 0.0, lower)
    part = np.where(from_zero & (limit < 0), 0.0, counts - counts * _share_below(buckets, starts, limit))
    part = np.where(starts == -np.inf, 0.0, np.where(upper == np.inf, counts, part))
    kept = np.where(is_half, part, np.where(lower >= limit, counts, 0.0))
    return _Kept(kept, _middles(buckets, np.where(is_half, limit, starts), upper))


def _share_below(buckets: _Buckets, lower: Values, limit: float) -> Values:
    """How much of a bucket that holds the limit is below it; nonsense for others."""
    upper = buckets.upper
    log_lower, log_upper, log_limit = np.log2(np.abs(lower)), np.log2(np.abs(upper)), np.log2(np.abs(limit))
    above_zero = (log_limit - log_lower) / (log_upper - log_lower)
    below_zero = 1 - (log_limit - log_upper) / (log_lower - log_upper)
    exponential = np.where(lower >= 0, above_zero, below_zero)
    return np.where(buckets.is_linear, (limit - lower) / (upper - lower), exponential)


def _middles(buckets: _Buckets, lower: Values, upper: Values) -> Values:
    """Of what lies between; of something endless the end that it has."""
    geometric = np.sqrt(np.abs(lower) * np.abs(upper))
    middles = np.where(buckets.is_linear, (lower + upper) / 2, np.where(lower >= 0, geometric, -geometric))
    return np.where(np.isinf(upper), lower, np.where(np.isinf(lower), upper, middles))
