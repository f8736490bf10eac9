"""Quantiles and fractions of classic histograms (promql/quantile.go upstream).

Here a histogram at one step is a cell: `counts` (B, C) are cumulative counts of C cells, `bounds` (B, C) or (B, 1) the
upper bounds of their buckets, ascending. A cell with fewer buckets repeats its last one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.samples import Mask, Values
from monitor.promql.ranges.quantiles import out_of_range

_TOLERANCE = 1e-12
"""Buckets that differ by less, relative to their sum, differ by rounding only."""
_NORMAL_MIN = 2.2250738585072014e-308


@dataclass(frozen=True, slots=True, eq=False)
class Repairs:
    """Where counts fell from one bucket to the next and had to be lifted, (C,) each."""

    forced: Mask
    bucket_min: Values
    bucket_max: Values
    difference_max: Values


def packed(counts: Values, bounds: Values, present: Mask) -> tuple[Values, Values]:
    """Cells that lack some buckets but not all: `counts` and `present` (B, C), `bounds` (B,). Both results (B, C)."""
    order = np.argsort(~present, axis=0, kind="stable")
    last = present.sum(axis=0) - 1
    order = np.where(np.arange(len(counts))[:, None] > last, order[last, np.arange(len(last))], order)
    return np.take_along_axis(counts, order, axis=0), bounds[order]


def make_monotonic(counts: Values, bounds: Values) -> tuple[Values, Repairs | None]:
    """Counts that never fall from one bucket to the next; Repairs if more than rounding had to be mended."""
    before, after = counts[:-1], counts[1:]
    is_odd = (after != before) & ~(after > before + np.abs(before) * (4 * _TOLERANCE))
    odd = np.flatnonzero(is_odd.any(axis=0))
    if not len(odd):
        return counts, None
    bounds = np.broadcast_to(bounds, counts.shape)[:, odd]
    mended, repairs = _lifted(counts[:, odd], bounds)
    result = counts.copy()
    result[:, odd] = mended
    return result, None if repairs is None else _spread(repairs, odd, counts.shape[1])


def _lifted(counts: Values, bounds: Values) -> tuple[Values, Repairs | None]:
    result = counts.copy()
    size = counts.shape[1]
    repairs = Repairs(np.zeros(size, np.bool_), np.full(size, np.inf), np.full(size, -np.inf), np.zeros(size))
    previous = counts[0]
    for bucket in range(1, len(counts)):
        current = counts[bucket]
        is_same = _almost_equal(previous, current)
        falls = (current < previous) & ~is_same
        result[bucket] = np.where(is_same | falls, previous, current)
        repairs = Repairs(
            repairs.forced | falls,
            np.where(falls, np.minimum(repairs.bucket_min, bounds[bucket]), repairs.bucket_min),
            np.where(falls, np.maximum(repairs.bucket_max, bounds[bucket]), repairs.bucket_max),
            np.where(falls, np.maximum(repairs.difference_max, previous - current), repairs.difference_max),
        )
        previous = result[bucket]
    return result, repairs if repairs.forced.any() else None


def _almost_equal(a: Values, b: Values) -> Mask:
    """Equal but for rounding (util/almost upstream)."""
    total, difference = np.abs(a) + np.abs(b), np.abs(a - b)
    tiny = (a == 0) | (b == 0) | (total < _NORMAL_MIN)
    close = np.where(tiny, difference < _TOLERANCE * _NORMAL_MIN, difference / total < _TOLERANCE)
    return np.asarray((a == b) | close)


def _spread(repairs: Repairs, cells: np.ndarray[tuple[int], np.dtype[np.intp]], size: int) -> Repairs:
    forced, lowest, highest, difference = np.zeros(size, np.bool_), np.zeros(size), np.zeros(size), np.zeros(size)
    forced[cells], lowest[cells] = repairs.forced, repairs.bucket_min
    highest[cells], difference[cells] = repairs.bucket_max, repairs.difference_max
    return Repairs(forced, lowest, highest, difference)


def bucket_quantiles(quantile: Values, counts: Values, bounds: Values, sizes: Values) -> Values:
    """The `quantile` (C,) of histograms with monotonic counts and `sizes` (C,) buckets each, interpolated, (C,).

    Within a bucket it assumes an even distribution, and that the first one begins at 0 if its bound is above that. In
    the last bucket it gives the last but one bound. NaN without observations, with fewer than two buckets, and if the
    last bound is not +Inf. -Inf for a quantile below 0, +Inf for one above 1, NaN for NaN.
    """
    buckets, cells = counts.shape
    if buckets < 2:
        return out_of_range(np.full(cells, np.nan), quantile)
    bounds = np.broadcast_to(bounds, counts.shape)
    observations = counts[-1]
    rank = quantile * observations
    found = (~(counts[:-1] >= rank)).sum(axis=0)
    cell = np.arange(cells)
    is_first = found == 0
    below = np.where(is_first, 0, found - 1)
    start = np.where(is_first, 0.0, bounds[below, cell])
    count_below = np.where(is_first, 0.0, counts[below, cell])
    share = (rank - count_below) / (counts[found, cell] - count_below)
    result = start + (bounds[found, cell] - start) * share
    result = np.where(is_first & (bounds[0] <= 0), bounds[0], result)
    last = np.maximum(sizes - 2, 0).astype(np.intp)
    result = np.where(found >= sizes - 1, bounds[last, cell], result)
    unknown = (observations == 0) | (sizes < 2) | (bounds[-1] != np.inf)
    return out_of_range(np.where(unknown, np.nan, result), quantile)


def bucket_fractions(lower: Values, upper: Values, counts: Values, bounds: Values) -> Values:
    """The share of observations between `lower` and `upper` (C,), interpolated, (C,).

    NaN without observations, if the last bound is not +Inf, and for NaN limits; 0 if `lower` is not below `upper`.
    """
    bounds = np.broadcast_to(bounds, counts.shape)
    observations = counts[-1]
    lower_rank = _rank_of(lower, counts, bounds)
    upper_rank = _rank_of(upper, counts, bounds)
    result = np.where(lower >= upper, 0.0, (upper_rank - lower_rank) / observations)
    unknown = (observations == 0) | np.isnan(lower) | np.isnan(upper) | (bounds[-1] != np.inf)
    return np.where(unknown, np.nan, result)


def _rank_of(limit: Values, counts: Values, bounds: Values) -> Values:
    """How many observations lie below `limit` (C,)."""
    observations = counts[-1]
    result, found = observations, np.zeros(len(limit), np.bool_)
    start = np.where(bounds[0] <= 0, -np.inf, 0.0)
    rank = np.zeros(len(limit))
    for bucket in range(len(counts)):
        end, count = bounds[bucket], counts[bucket]
        is_below = ~found & (start >= limit)
        is_inside = ~found & (start < limit) & (end > limit)
        inside = np.where(start == -np.inf, count, rank + (count - rank) * (limit - start) / (end - start))
        result = np.where(is_below, rank, np.where(is_inside, inside, result))
        found |= is_below | is_inside
        start, rank = end, count
    return np.asarray(np.where(result > observations, observations, result))
