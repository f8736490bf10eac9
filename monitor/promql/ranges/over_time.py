"""The `…_over_time` functions: what they see is only the samples of the window, not its edges.

All kernels take windows over R rows and T steps and give values (R, T); what they give for an empty window is
unspecified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Indices, Mask, Values
from monitor.promql.ranges.quantiles import sorted_quantile
from monitor.promql.ranges.window_sums import (
    add_exactly,
    cell_windows,
    chosen,
    walk,
    walk_is_cheaper,
    window_counts,
    window_sums,
)
from monitor.promql.ranges.windows import Windows
from monitor.promql.values import is_negative_zero

_SPELLED_SAMPLES_MAX = 1 << 17
_VARIANCE_SHARE_MIN = 1e-3
"""A variance below this share of the mean square has lost more than 3 of 16 digits to cancellation."""
_SPREAD_MIN = 1e-6
"""Below this ratio of variance to squared mean upstream's own answer loses more than 6 digits; that one is wanted."""


def sum_over_time(windows: Windows) -> Values:
    return window_sums(windows, windows.batch.values).total()


def avg_over_time(windows: Windows) -> Values:
    sums = window_sums(windows, windows.batch.values)
    count = windows.spread(windows.count.astype(np.float64))
    averages = sums.high / count
    overflown = np.isinf(averages)
    unknown = np.isnan(averages)
    if unknown.any():
        # A sum that overflowed before it met an infinity of the other sign: the mean of that is one.
        overflown |= unknown & (window_counts(windows, np.isnan(windows.batch.values)) == 0)
    averages += sums.low / count
    if overflown.any():
        first, counts = cell_windows(windows, overflown)
        averages[overflown] = _incremental_means(windows.batch.values, first, counts)
    return averages


def count_over_time(windows: Windows) -> Values:
    return _each_row(windows, windows.count.astype(np.float64))


def present_over_time(windows: Windows) -> Values:
    return np.ones((len(windows.batch.rows), windows.first.shape[1]))


def first_over_time(windows: Windows) -> Values:
    return windows.values_at(windows.first)


def last_over_time(windows: Windows) -> Values:
    return windows.values_at(windows.last)


def ts_of_first_over_time(windows: Windows) -> Values:
    return _each_row(windows, windows.times_at(windows.first) / 1000)


def ts_of_last_over_time(windows: Windows) -> Values:
    return _each_row(windows, windows.times_at(windows.last) / 1000)


def max_over_time(windows: Windows) -> Values:
    """NaN only if there is nothing else; of zeros with different signs the first."""
    return _with_first_zeros(windows, _extreme(windows, np.fmax))


def min_over_time(windows: Windows) -> Values:
    """NaN only if there is nothing else; of zeros with different signs the first."""
    return _with_first_zeros(windows, _extreme(windows, np.fmin))


def ts_of_max_over_time(windows: Windows) -> Values:
    """When the maximum was last reached, in seconds."""
    return _time_of_extreme(windows, np.greater_equal)


def ts_of_min_over_time(windows: Windows) -> Values:
    """When the minimum was last reached, in seconds."""
    return _time_of_extreme(windows, np.less_equal)


def stdvar_over_time(windows: Windows) -> Values:
    """The population variance; NaN if a sample is not finite."""
    if walk_is_cheaper(windows, 30, 50):
        first, count = cell_windows(windows, None)
        return _walked_variances(windows.batch.values, first, count).reshape(len(windows.batch.rows), -1)
    return _prefix_variances(windows)


def stddev_over_time(windows: Windows) -> Values:
    return np.sqrt(stdvar_over_time(windows))


def quantile_over_time(windows: Windows, quantile: Values) -> Values:
    """The `quantile` (T,) of each window, interpolated; NaN sorts below everything."""
    steps = np.broadcast_to(quantile, (len(windows.batch.rows), len(quantile)))
    return _of_spelled(windows, lambda samples, count, cells: sorted_quantile(samples, count, steps.reshape(-1)[cells]))


def mad_over_time(windows: Windows) -> Values:
    """The median of the absolute deviations from the median."""

    def deviation(samples: NDArray[np.floating], count: Indices, _: slice) -> Values:
        half = np.full(len(samples), 0.5)
        deviations = np.abs(samples - sorted_quantile(samples.copy(), count, half)[:, None])
        return sorted_quantile(deviations, count, half)

    return _of_spelled(windows, deviation)


def _each_row(windows: Windows, per_vector: Values) -> Values:
    shape = (len(windows.batch.rows), per_vector.shape[1])
    return np.broadcast_to(windows.spread(per_vector), shape)


def _extreme(windows: Windows, better: np.ufunc) -> Values:
    """`better` is fmax or fmin."""
    total = int(windows.count.sum()) * (len(windows.batch.rows) // max(1, len(windows.first)))
    longest = int(windows.count.max(initial=1))
    levels = max(1, longest).bit_length()
    if levels * len(windows.batch.values) + 8 * windows.cells < 4 * total:
        return _extreme_by_table(windows, better)
    # reduceat wants starts and ends within the array, and an end is exclusive: the last sample comes by itself.
    first, end = windows.bounds()
    last = np.maximum(end - 1, 0)
    pairs = np.stack([np.minimum(first, last), last], axis=-1).reshape(-1)
    inner = better.reduceat(windows.batch.values, pairs)[::2].reshape(first.shape)
    result: Values = better(inner, windows.batch.values[last])
    return result


def _extreme_by_table(windows: Windows, better: np.ufunc) -> Values:
    """By a sparse table: entry i of level k is the extreme of the 2^k samples from i on."""
    first, end = windows.bounds()
    level_of_cell = np.frexp(np.maximum(end - first, 1).astype(np.float64))[1] - 1
    result = np.empty(first.shape)
    table = windows.batch.values
    for level in range(int(level_of_cell.max()) + 1):
        cells = level_of_cell == level
        if cells.all():
            return np.asarray(better(table.take(first, mode="clip"), table.take(end - (1 << level), mode="clip")))
        if cells.any():
            start, stop = first[cells], end[cells] - (1 << level)
            result[cells] = better(table.take(start, mode="clip"), table.take(stop, mode="clip"))
        table = better(table[: -(1 << level)], table[1 << level :])
    return result


def _with_first_zeros(windows: Windows, extremes: Values) -> Values:
    values = windows.batch.values
    zeros = extremes == 0
    if not zeros.any() or not is_negative_zero(values).any():
        return extremes
    found = np.full(int(zeros.sum()), np.nan)
    for _, sample, active in walk(values, *cell_windows(windows, zeros)):
        found = chosen(active, np.where(np.isnan(found) & (sample == 0), sample, found), found)
    result = extremes.copy()
    result[zeros] = found
    return result


def _time_of_extreme(windows: Windows, is_as_good: Callable[[Values, Values], Mask]) -> Values:
    first, count = cell_windows(windows, None)
    best = windows.batch.values.take(first, mode="clip")
    position_of_best = np.zeros(len(first), np.intp)
    for position, sample, active in walk(windows.batch.values, first, count):
        better = is_as_good(sample, best) | np.isnan(best)
        if active is not None:
            better &= active
        best = np.where(better, sample, best)
        position_of_best[better] = position
    starts = windows.batch.vector_starts[:, None] + windows.first
    times = windows.spread(starts) + position_of_best.reshape(len(windows.batch.rows), -1)
    return windows.batch.timestamps_ms.take(times, mode="clip") / 1000


def _prefix_variances(windows: Windows) -> Values:
    values = windows.batch.values
    origin = np.nan_to_num(values[windows.batch.row_starts], posinf=0.0, neginf=0.0)
    shifted = values - np.repeat(origin, windows.batch.row_sizes)
    count = windows.spread(np.maximum(windows.count, 1).astype(np.float64))
    mean = window_sums(windows, shifted).total() / count
    mean_square = window_sums(windows, shifted * shifted).total() / count
    variances = mean_square - mean * mean
    center = mean + origin[:, None]
    exact_enough = (variances >= _VARIANCE_SHARE_MIN * mean_square) & (variances >= _SPREAD_MIN * center * center)
    doubtful = ~exact_enough & ~np.isnan(mean)
    if doubtful.any():
        first, counts = cell_windows(windows, doubtful)
        variances[doubtful] = _walked_variances(values, first, counts)
    return variances


def _walked_variances(flat: Values, first: Indices, count: Indices) -> Values:
    """Running means and squares, compensated, as upstream has them (Welford)."""
    mean, mean_rest, squares, squares_rest = (np.zeros(len(first)) for _ in range(4))
    for position, sample, active in walk(flat, first, count):
        delta = sample - (mean + mean_rest)
        new_mean, new_mean_rest = add_exactly(delta / (position + 1), mean, mean_rest)
        term = delta * (sample - (new_mean + new_mean_rest))
        new_squares, new_squares_rest = add_exactly(term, squares, squares_rest)
        mean, mean_rest = chosen(active, new_mean, mean), chosen(active, new_mean_rest, mean_rest)
        squares, squares_rest = (
            chosen(active, new_squares, squares),
            chosen(active, new_squares_rest, squares_rest),
        )
    return (squares + squares_rest) / np.maximum(count, 1)


def _incremental_means(flat: Values, first: Indices, count: Indices) -> Values:
    """Means whose sum overflows, adjusted sample by sample as upstream does from there on."""
    mean, compensation = np.zeros(len(first)), np.zeros(len(first))
    for position, sample, active in walk(flat, first, count):
        kept = position / (position + 1)
        new_mean, new_compensation = add_exactly(sample / (position + 1), kept * mean, kept * compensation)
        mean, compensation = chosen(active, new_mean, mean), chosen(active, new_compensation, compensation)
    return mean + compensation


def _of_spelled(windows: Windows, formula: Callable[[NDArray[np.floating], Indices, slice], Values]) -> Values:
    """`formula` of all windows, spelled out as (C, W) samples, some cells at a time.

    The formula gets the samples, as float32 if that is exact, NaN behind the end of shorter windows, the counts (C,),
    and which cells they are. It may write into the samples.
    """
    first, count = cell_windows(windows, None)
    result = np.empty(len(first))
    values = _narrow(windows.batch.values)
    for cells, longest in _spelled_parts(count):
        positions = np.arange(longest)
        samples = values.take(first[cells, None] + positions, mode="clip")
        if int(count[cells].min()) < longest:
            samples[positions >= count[cells, None]] = np.nan
        result[cells] = formula(samples, count[cells], cells)
    return result.reshape(len(windows.batch.rows), -1)


def _narrow(values: Values) -> NDArray[np.floating]:
    """As float32 if all are exactly that, as whole numbers below 2^24 are: they are sorted in half the time."""
    narrow = values.astype(np.float32)
    return narrow if bool((narrow == values).all()) else values


def _spelled_parts(count: NDArray[np.intp]) -> Iterator[tuple[slice, int]]:
    longest = max(1, int(count.max(initial=1)))
    size = max(1, _SPELLED_SAMPLES_MAX // longest)
    for start in range(0, len(count), size):
        cells = slice(start, min(start + size, len(count)))
        yield cells, max(1, int(count[cells].max()))
