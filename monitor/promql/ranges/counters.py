"""rate, increase, delta, irate, idelta, resets and changes (promql/functions.go upstream).

All kernels take windows over R rows and T steps and give values (R, T); what they give for a window with fewer
samples than the function wants is unspecified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.samples import Indices, Mask, Values, spans
from monitor.promql.ranges.window_sums import cell_windows, chosen, walk, window_counts, window_sums
from monitor.promql.ranges.windows import Batch, Windows

_EXTRAPOLATION_THRESHOLD = 1.1
"""Samples count as reaching the edge of the window if it is at most 10 % farther away than they are apart."""

_CANCELLATION_MAX = 1e-5
_SPARSE_COST = 2
"""Finding the steps of one reset takes two comparisons a step; prefix sums take some twenty operations a cell."""


@dataclass(frozen=True, slots=True, eq=False)
class _Extent:
    """How the samples lie in their window, in seconds, (V, T) each."""

    sampled_interval: Values
    duration_to_start: Values
    duration_to_end: Values


def rate(windows: Windows) -> Values:
    """How fast a counter rose, per second."""
    return _extrapolated_increase(windows, windows.range_ms / 1000)


def increase(windows: Windows) -> Values:
    """How much a counter rose."""
    return _extrapolated_increase(windows, None)


def delta(windows: Windows) -> Values:
    """How much a gauge changed."""
    extent = _extent(windows)
    factor = (extent.sampled_interval + extent.duration_to_start + extent.duration_to_end) / extent.sampled_interval
    difference = windows.values_at(windows.last) - windows.values_at(windows.first)
    difference *= windows.spread(factor)
    return difference


def _extent(windows: Windows) -> _Extent:
    first_ms, last_ms = windows.times_at(windows.first), windows.times_at(windows.last)
    sampled_interval = (last_ms - first_ms) / 1000
    average_interval = sampled_interval / (windows.count - 1)
    threshold = average_interval * _EXTRAPOLATION_THRESHOLD
    to_start = (first_ms - (windows.ends_ms - windows.range_ms)) / 1000
    to_end = (windows.ends_ms - last_ms) / 1000
    return _Extent(
        sampled_interval,
        np.where(to_start >= threshold, average_interval / 2, to_start),
        np.where(to_end >= threshold, average_interval / 2, to_end),
    )


def _extrapolated_increase(windows: Windows, per_seconds: float | None) -> Values:
    extent = _extent(windows)
    first = windows.values_at(windows.first)
    risen = windows.values_at(windows.last) - first
    _add_resets(windows, risen)
    result = risen * windows.spread(_factor(extent, extent.duration_to_start, per_seconds))
    began_inside = np.flatnonzero(_may_have_begun_inside(windows, extent, first, risen))
    if len(began_inside):
        cells = np.divmod(began_inside, risen.shape[1])
        vectors = 0 if windows.batch.vector_of_row is None else windows.batch.vector_of_row[cells[0]]
        places = (vectors, cells[1])
        of_cells = _Extent(
            extent.sampled_interval[places], extent.duration_to_start[places], extent.duration_to_end[places]
        )
        start = _start_of_counter(first[cells], risen[cells], of_cells.sampled_interval, of_cells.duration_to_start)
        result[cells] = _factor(of_cells, start, per_seconds) * risen[cells]
    return result


def _factor(extent: _Extent, duration_to_start: Values, per_seconds: float | None) -> Values:
    """What the rise between the first and the last sample is multiplied by."""
    factor = duration_to_start + extent.sampled_interval
    factor += extent.duration_to_end
    factor /= extent.sampled_interval
    if per_seconds is not None:
        factor /= per_seconds
    return factor


def _may_have_begun_inside(windows: Windows, extent: _Extent, first: Values, risen: Values) -> Mask:
    """Where `_start_of_counter` may be less than `duration_to_start`, (R, T).

    A counter that was above its rise lies farther from zero than its samples reach, and as a rule that is farther
    than the edge of the window. Hardly any has just begun, so most cells need no division.
    """
    result: Mask = first < risen
    is_far = extent.duration_to_start > extent.sampled_interval
    return result | windows.spread(is_far) if is_far.any() else result


def _start_of_counter(first: Values, risen: Values, sampled: Values, duration_to_start: Values) -> Values:
    """How far before its first sample the counter began, (C,) each.

    A counter is never negative: if at its slope it would have been zero within the window, it began there.
    """
    duration_to_zero = first / risen
    duration_to_zero *= sampled
    rising = (risen > 0) & (first >= 0)
    if not rising.all():
        duration_to_zero = np.where(rising, duration_to_zero, np.inf)
    return np.minimum(duration_to_zero, duration_to_start, out=duration_to_zero)


def _add_resets(windows: Windows, risen: Values) -> None:
    """Adds to `risen` (R, T), in place, what counters had reached when they fell: they then counted from zero."""
    drops = np.flatnonzero(windows.batch.drops())
    if not len(drops):
        return
    if len(drops) * risen.shape[1] <= _SPARSE_COST * risen.size:
        _add_single_resets(windows, drops, risen)
    else:
        _add_many_resets(windows, risen)


def _add_single_resets(windows: Windows, drops: Indices, risen: Values) -> None:
    """One after the other as upstream adds them, each to the steps whose windows hold it and the sample before it."""
    batch = windows.batch
    rows = np.searchsorted(batch.row_starts, drops, side="right") - 1
    vectors = 0 if batch.vector_of_row is None else batch.vector_of_row[rows]
    position = (drops - batch.row_starts[rows])[:, None]
    first_step = (windows.end[vectors] <= position).sum(axis=1)
    steps = np.maximum((windows.first[vectors] < position).sum(axis=1) - first_step, 0)
    cells = (np.repeat(rows, steps), spans(first_step, steps))
    np.add.at(risen, cells, np.repeat(batch.values[drops - 1], steps))


def _add_many_resets(windows: Windows, risen: Values) -> None:
    rows = np.flatnonzero(np.logical_or.reduceat(windows.batch.drops(), windows.batch.row_starts))
    affected = windows.of_rows(rows)
    inner, reached = affected.without_first(), reached_before_drops(affected.batch)
    lost = window_sums(inner, reached)
    result = risen[rows] + lost.high + lost.low
    # Where next to nothing is left, or the sum overflows, the order of the additions matters: upstream's, then.
    is_delicate = ~np.isfinite(lost.high) | (np.abs(result) < _CANCELLATION_MAX * np.abs(lost.high))
    if is_delicate.any():
        result[is_delicate] = _added_in_order(inner, reached, is_delicate, risen[rows][is_delicate])
    risen[rows] = np.where(lost.high == 0, risen[rows], result)


def _added_in_order(windows: Windows, flat: Values, wanted: Mask, total: Values) -> Values:
    """`total` (C,) plus the samples of the wanted windows one by one: finite, maybe, where their sum is not."""
    for _, term, active in walk(flat, *cell_windows(windows, wanted)):
        total = chosen(active, total + term, total)
    return total


def reached_before_drops(batch: Batch) -> Values:
    """For each sample that is less than the one before it, that one, and 0 for the others; laid out as the values."""
    reached = np.zeros(len(batch.values))
    reached[1:] = np.where(batch.drops()[1:], batch.values[:-1], 0.0)
    return reached


def irate(windows: Windows) -> Values:
    """How fast a counter rose between the last two samples, per second."""
    before, last = windows.values_at(windows.last - 1), windows.values_at(windows.last)
    risen = np.where(last < before, last, last - before)
    seconds = (windows.times_at(windows.last) - windows.times_at(windows.last - 1)) / 1000
    risen /= windows.spread(seconds)
    return risen


def idelta(windows: Windows) -> Values:
    """The difference of the last two samples."""
    return windows.values_at(windows.last) - windows.values_at(windows.last - 1)


def resets(windows: Windows) -> Values:
    """How often a sample is less than the one before it."""
    return _pairs(windows, windows.batch.drops())


def changes(windows: Windows) -> Values:
    """How often a sample differs from the one before it; NaN does not differ from NaN."""
    values = windows.batch.values
    differs = np.zeros(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    differs[1:] &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    differs[windows.batch.row_starts] = False
    return _pairs(windows, differs)


def _pairs(windows: Windows, flat: Mask) -> Values:
    """How many samples of each window but the first have the mark `flat`, (R, T)."""
    return window_counts(windows.without_first(), flat).astype(np.float64)
