"""deriv and predict_linear: least squares over windows; and double exponential smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.samples import Indices, Mask, Timestamps, Values
from monitor.promql.ranges.window_sums import (
    cell_windows,
    chosen,
    sums_in_order,
    walk,
    walk_is_cheaper,
    window_counts,
    window_sums,
)
from monitor.promql.ranges.windows import Batch, Windows

_COVARIANCE_ERROR_MAX = 1e-9
_ROUNDING = 4 * 2.3e-16
_WALK_OPERATIONS = 25
_TERMS_MAX = 1 << 18
_PREFIX_OPERATIONS = 80


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """`intercept` is the value at the reference time, `slope` per second; the same shape."""

    slope: Values
    intercept: Values


def deriv(windows: Windows) -> Values:
    """The slope of a gauge per second, (R, T). Wants two samples."""
    return _lines(windows, windows.times_at(windows.first)).slope


def predict_linear(windows: Windows, ahead_seconds: Values) -> Values:
    """The value of a gauge `ahead_seconds` (T,) after the step, (R, T). Wants two samples."""
    reference = np.broadcast_to(windows.evaluated_ms, windows.first.shape)
    line = _lines(windows, reference)
    return line.slope * ahead_seconds + line.intercept


def _lines(windows: Windows, reference_ms: Timestamps) -> _Line:
    """The lines through all windows (R, T), with their intercepts at `reference_ms` (V, T)."""
    if walk_is_cheaper(windows, _WALK_OPERATIONS, _PREFIX_OPERATIONS):
        line = _walked_lines(windows, reference_ms, None)
        shape = (len(windows.batch.rows), -1)
        line = _Line(line.slope.reshape(shape), line.intercept.reshape(shape))
    else:
        line = _prefix_lines(windows, reference_ms)
    constant = _is_constant(windows)
    if not constant.any():
        return line
    first = windows.values_at(windows.first)
    finite = np.isfinite(first)
    slope = np.where(constant, np.where(finite, 0.0, np.nan), line.slope)
    return _Line(slope, np.where(constant, np.where(finite, first, np.nan), line.intercept))


def _is_constant(windows: Windows) -> Mask:
    values = windows.batch.values
    differs = np.zeros(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    constant: Mask = window_counts(windows.without_first(), differs) == 0
    return constant


def _prefix_lines(windows: Windows, reference_ms: Timestamps) -> _Line:
    """By prefix sums of times and values relative to the first of their row; a walk where that loses digits."""
    batch = windows.batch
    origin = np.nan_to_num(batch.values[batch.row_starts], posinf=0.0, neginf=0.0)
    y = batch.values - np.repeat(origin, batch.row_sizes)
    x, x_rows, middle_ms = _seconds(batch)
    count = np.maximum(windows.count, 1).astype(np.float64)
    sum_x, sum_xx = _vector_sums(windows, x), _vector_sums(windows, x * x)
    sum_y, sum_xy = window_sums(windows, y).total(), window_sums(windows, x_rows * y).total()
    mean_x = sum_x / count
    covariance = sum_xy - windows.spread(mean_x) * sum_y
    slope = covariance / windows.spread(sum_xx - mean_x * sum_x)
    seconds_after = mean_x + (middle_ms[:, None] - reference_ms) / 1000
    intercept = origin[:, None] + sum_y / windows.spread(count) - slope * windows.spread(seconds_after)
    # Our error, or that of upstream, which sums the values as they are: it is its answer that is wanted.
    error_max = np.abs(x).max() * _row_extremes(batch, y)[:, None] * windows.spread(count)
    raw_sum = sum_y + origin[:, None] * windows.spread(count)
    error_max = np.maximum(error_max, np.abs(windows.spread(seconds_after) * raw_sum))
    exact_enough = np.abs(covariance) * _COVARIANCE_ERROR_MAX >= _ROUNDING * error_max
    doubtful = ~(exact_enough & np.isfinite(covariance)) & ~np.isnan(sum_y)
    if doubtful.any():
        exact = _walked_lines(windows, reference_ms, doubtful)
        slope[doubtful], intercept[doubtful] = exact.slope, exact.intercept
    return _Line(slope, intercept)


def _seconds(batch: Batch) -> tuple[Values, Values, Timestamps]:
    """Sample times relative to the middle of their vector: by vector and by row; and the middles (V,)."""
    middle_ms = batch.timestamps_ms[batch.vector_starts + batch.vector_sizes // 2]
    seconds = (batch.timestamps_ms - np.repeat(middle_ms, batch.vector_sizes)) / 1000
    if batch.vector_of_row is None:
        return seconds, np.tile(seconds, len(batch.rows)), middle_ms
    shift = batch.vector_starts[batch.vector_of_row] - batch.row_starts
    return seconds, seconds[np.arange(len(batch.values)) + np.repeat(shift, batch.row_sizes)], middle_ms


def _vector_sums(windows: Windows, flat: Values) -> Values:
    """The sums (V, T) of something per timestamp."""
    batch = windows.batch
    vectors = len(batch.vector_starts)
    mapping = None if vectors == 1 else np.arange(vectors)
    times = Batch(np.arange(vectors), batch.timestamps_ms, batch.vector_starts, flat, batch.vector_starts, mapping)
    return window_sums(windows.over(times), flat).total()


def _row_extremes(batch: Batch, flat: Values) -> Values:
    """The largest finite magnitude of each row, (R,)."""
    magnitudes = np.abs(flat)
    magnitudes[~np.isfinite(magnitudes)] = 0
    result: Values = np.maximum.reduceat(magnitudes, batch.row_starts)
    return result


def _walked_lines(windows: Windows, reference_ms: Timestamps, wanted: Mask | None) -> _Line:
    """The lines of the wanted cells (C,), summed as upstream does."""
    first, count = cell_windows(windows, wanted)
    time_first, reference = _cell_times(windows, reference_ms, wanted)
    slope, intercept = np.empty(len(first)), np.empty(len(first))
    positions = np.arange(int(count.max(initial=0)))[:, None]
    width = max(1, _TERMS_MAX // (4 * max(1, len(positions))))
    for start in range(0, len(first), width):
        cells = slice(start, start + width)
        is_inside = positions < count[cells]
        y = windows.batch.values.take(first[cells] + positions, mode="clip")
        x = (windows.batch.timestamps_ms.take(time_first[cells] + positions, mode="clip") - reference[cells]) / 1000
        x, y = np.where(is_inside, x, 0.0), np.where(is_inside, y, 0.0)
        total, rest = sums_in_order(np.stack((x, y, x * y, x * x), axis=1))
        sum_x, sum_y, sum_xy, sum_xx = total + rest
        slope[cells] = (sum_xy - sum_x * sum_y / count[cells]) / (sum_xx - sum_x * sum_x / count[cells])
        intercept[cells] = sum_y / count[cells] - slope[cells] * sum_x / count[cells]
    return _Line(slope, intercept)


def _cell_times(windows: Windows, reference_ms: Timestamps, wanted: Mask | None) -> tuple[Indices, Timestamps]:
    shape = (len(windows.batch.rows), windows.first.shape[1])
    first = np.broadcast_to(windows.spread(windows.batch.vector_starts[:, None] + windows.first), shape)
    reference = np.broadcast_to(windows.spread(reference_ms), shape)
    if wanted is None:
        return first.reshape(-1), reference.reshape(-1)
    return first[wanted], reference[wanted]


def double_exponential_smoothing(windows: Windows, smoothing: Values, trend: Values) -> Values:
    """Holt's linear method with factors between 0 and 1, (T,) each; (R, T). Wants two samples."""
    _check_factor("smoothing", "sf", smoothing)
    _check_factor("trend", "tf", trend)
    first, count = cell_windows(windows, None)
    shape = (len(windows.batch.rows), len(smoothing))
    smoothing_factor = np.broadcast_to(smoothing, shape).reshape(-1)
    trend_factor = np.broadcast_to(trend, shape).reshape(-1)
    values = windows.batch.values
    level = values.take(first, mode="clip")
    slope = values.take(first + 1, mode="clip") - level
    level_before = np.zeros(len(first))
    for position, sample, active in walk(values, first, count):
        if position == 0:
            continue
        new_slope = slope if position == 1 else trend_factor * (level - level_before) + (1 - trend_factor) * slope
        new_level = smoothing_factor * sample + (1 - smoothing_factor) * (level + new_slope)
        slope, level_before = chosen(active, new_slope, slope), chosen(active, level, level_before)
        level = chosen(active, new_level, level)
    return level.reshape(shape)


def _check_factor(what: str, symbol: str, factor: Values) -> None:
    wrong = factor[(factor <= 0) | (factor >= 1)]
    if len(wrong):
        raise EvaluationError(f"invalid {what} factor. Expected: 0 < {symbol} < 1, got: {wrong[0]:f}")
