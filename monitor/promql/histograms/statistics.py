"""Quantiles, fractions and variances of native histograms (promql/quantile.go and functions.go upstream).

All take N histograms of one shape as rows `cells` (N, C) and give (N,).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitor.model.go_math import exp2, log2
from monitor.model.native_histograms import (
    BUCKETS,
    COUNT,
    SUM,
    ZERO_COUNT,
    HistogramShape,
    OrderedBuckets,
    ordered_buckets,
)
from monitor.model.samples import Indices, Mask, Values


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """`values` (N,), and where NaN observations decided (`lost`) or moved (`skewed`) them."""

    values: Values
    lost: Mask
    skewed: Mask


@dataclass(frozen=True, slots=True, eq=False)
class _Ordered:
    """Histograms bucket by bucket from the lowest on: bounds and counts (N, B)."""

    lower: Values
    upper: Values
    counts: Values
    is_custom: bool


def _ordered(shape: HistogramShape, cells: Values) -> _Ordered:
    """With zero buckets that begin or end at 0 where there are observations on one side only."""
    buckets = ordered_buckets(shape)
    counts = _counts(buckets, cells)
    lower = np.repeat(buckets.lower[None, :], len(cells), axis=0)
    upper = np.repeat(buckets.upper[None, :], len(cells), axis=0)
    if not shape.is_custom:
        zero = int(np.flatnonzero(buckets.columns == ZERO_COUNT)[0])
        has_negative = (cells[:, BUCKETS : shape.positive_start] != 0).any(axis=1)
        has_positive = (cells[:, shape.positive_start :] != 0).any(axis=1)
        lower[has_positive & ~has_negative, zero] = 0.0
        upper[has_negative & ~has_positive, zero] = 0.0
    return _Ordered(lower, upper, counts, shape.is_custom)


def _counts(buckets: OrderedBuckets, cells: Values) -> Values:
    """(N, B). There is no zero bucket with less than nothing in it, though a difference may have one."""
    counts = cells[:, buckets.columns]
    return np.where((buckets.columns == ZERO_COUNT) & (counts < 0), 0.0, counts)


def averages(cells: Values) -> Values:
    return np.asarray(cells[:, SUM] / cells[:, COUNT])


def variances(shape: HistogramShape, cells: Values) -> Values:
    """Each bucket counts with its geometric mean; the zero bucket with 0 and custom ones with their arithmetic mean."""
    buckets = ordered_buckets(shape)
    counts = _counts(buckets, cells)
    if shape.is_custom:
        centers = (buckets.upper + buckets.lower) / 2
    else:
        centers = np.sqrt(buckets.upper * buckets.lower)
        centers = np.where(buckets.upper < 0, -centers, centers)
        centers = np.where((buckets.lower <= 0) & (buckets.upper >= 0), 0.0, centers)
    deviations = centers - averages(cells)[:, None]
    squares = np.where(counts == 0, 0.0, counts * deviations * deviations)
    return np.asarray(squares.sum(axis=1) / cells[:, COUNT])


def quantiles(quantile: Values, shape: HistogramShape, cells: Values) -> Estimates:
    """`quantile` (N,). -Inf for one below 0, +Inf for one above 1; NaN for NaN and without observations."""
    ordered, observations, total = _ordered(shape, cells), cells[:, COUNT], cells[:, SUM]
    forward = np.isnan(total) | (quantile < 0.5)
    rank = np.where(forward, quantile, 1 - quantile) * observations
    counts = np.where(forward[:, None], ordered.counts, ordered.counts[:, ::-1])
    found, reached = _find_rank(counts, rank)
    position = np.where(forward, found, counts.shape[1] - 1 - found)
    cell = (np.arange(len(cells)), position)
    lower, upper, count = (_at(values, cell) for values in (ordered.lower, ordered.upper, ordered.counts))
    reached = np.minimum(reached, observations)
    is_short = reached < rank
    inner_rank = np.where(forward, rank - (reached - count), reached - rank)
    values = _interpolated(lower, upper, inner_rank / count, shape.is_custom)
    if shape.is_custom:
        values = np.where(upper == np.inf, lower, values)
        values = np.where((lower == -np.inf) & (upper <= 0), upper, values)
    has_end = shape.is_custom & ((upper == np.inf) | ((lower == -np.inf) & (upper <= 0)))
    values = np.where(is_short & ~has_end, np.where(np.isnan(total), np.nan, upper), values)
    is_asked = (quantile >= 0) & (quantile <= 1) & (observations != 0)
    lost = is_asked & is_short & ~has_end & np.isnan(total)
    in_buckets = ordered.counts.sum(axis=1)
    skewed = is_asked & ~is_short & ~has_end & np.isnan(total) & (in_buckets < observations)
    values = np.where((observations == 0) | np.isnan(quantile), np.nan, values)
    values = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, values))
    return Estimates(values, lost, skewed)


def _at(values: Values, cell: tuple[Indices, Indices]) -> Values:
    """0 for histograms without any bucket."""
    return values[cell] if values.shape[1] else np.zeros(len(values))


def _find_rank(counts: Values, rank: Values) -> tuple[Indices, Values]:
    """The first bucket that is not empty in which the running count reaches `rank`, and that count.

    The last bucket that is not empty, and the count of all, where none does.
    """
    if not counts.shape[1]:
        return np.zeros(len(counts), np.intp), np.zeros(len(counts))
    running = np.cumsum(counts, axis=1)
    is_used = counts != 0
    enough = is_used & (running >= rank[:, None])
    last = counts.shape[1] - 1 - np.argmax(is_used[:, ::-1], axis=1)
    found = np.where(enough.any(axis=1), np.argmax(enough, axis=1), last)
    return found, running[np.arange(len(counts)), found]


def _interpolated(lower: Values, upper: Values, share: Values, is_custom: bool) -> Values:
    """Within exponential buckets on a logarithmic scale, in the zero bucket and custom ones on a linear one."""
    if is_custom:
        lower = np.where((lower == -np.inf) & (upper > 0), 0.0, lower)
    linear = lower + (upper - lower) * share
    if is_custom:
        return np.asarray(linear)
    log_lower, log_upper = log2(np.abs(lower)), log2(np.abs(upper))
    above = exp2(log_lower + (log_upper - log_lower) * share)
    below = -exp2(log_upper + (log_lower - log_upper) * (1 - share))
    return np.where((lower <= 0) & (upper >= 0), linear, np.where(lower > 0, above, below))


def fractions(lower: Values, upper: Values, shape: HistogramShape, cells: Values) -> Estimates:
    """The share of the observations between `lower` and `upper` (N,); NaN for NaN and without observations."""
    ordered, observations = _ordered(shape, cells), cells[:, COUNT]
    if shape.is_custom:
        around_zero = (ordered.lower <= 0) & (ordered.upper >= 0)
        ordered = replace(ordered, lower=np.where(around_zero, 0.0, ordered.lower))
    in_buckets = ordered.counts.sum(axis=1)
    is_nan_sum = np.isnan(cells[:, SUM])
    most = np.where(is_nan_sum, in_buckets, observations)
    share = (_ranks(upper, ordered, most) - _ranks(lower, ordered, most)) / observations
    values = np.where(lower >= upper, 0.0, share)
    unknown = (observations == 0) | np.isnan(lower) | np.isnan(upper)
    is_asked = ~unknown & ~(lower >= upper)
    nothing = np.zeros(len(cells), np.bool_)
    return Estimates(np.where(unknown, np.nan, values), nothing, is_asked & is_nan_sum & (in_buckets < observations))


def _ranks(limit: Values, ordered: _Ordered, most: Values) -> Values:
    """How many observations lie below `limit` (N,), at most `most`."""
    before = np.cumsum(ordered.counts, axis=1) - ordered.counts
    wanted, used = limit[:, None], ordered.counts != 0
    starts_behind = used & (ordered.lower >= wanted)
    holds = used & (ordered.lower < wanted) & (ordered.upper > wanted)
    decides = starts_behind | holds
    if not decides.shape[1]:
        return most
    first = (np.arange(len(limit)), np.argmax(decides, axis=1))
    inside = _rank_inside(limit, ordered, before, first)
    rank = np.where(starts_behind[first], before[first], inside)
    return np.where(decides.any(axis=1), np.minimum(rank, most), most)


def _rank_inside(limit: Values, ordered: _Ordered, before: Values, cell: tuple[Indices, Indices]) -> Values:
    lower, upper, count, rank = ordered.lower[cell], ordered.upper[cell], ordered.counts[cell], before[cell]
    linear = rank + count * (limit - lower) / (upper - lower)
    if ordered.is_custom:
        # What is known of a bucket that begins at -Inf is only where it ends.
        return np.where(lower == -np.inf, count, linear)
    log_lower, log_upper, log_limit = log2(np.abs(lower)), log2(np.abs(upper)), log2(np.abs(limit))
    above = (log_limit - log_lower) / (log_upper - log_lower)
    below = 1 - (log_limit - log_upper) / (log_lower - log_upper)
    exponential = rank + count * np.where(limit > 0, above, below)
    return np.where((lower <= 0) & (upper >= 0), linear, exponential)
