"""Sums over windows, as exact as upstream's Kahan summation (util/kahansum), and other walks through windows.

Two ways lead to the same sums. Where windows overlap much, differences of prefix sums: time O(samples + windows).
A plain prefix sum loses digits, so the rounding error of each addition is computed too (Knuth's TwoSum) and summed
beside. Where they overlap little, or where even that is not exact enough, a walk: position by position through all
windows at once, as upstream adds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Indices, Mask, Values
from monitor.promql.ranges.windows import Windows

_CALL_CELLS = 4_000
"""One NumPy call costs as much as the work on about this many cells."""
_EXACTNESS = 300 * _CALL_CELLS
"""A walk gives the very digits of upstream. For that it may take some 300 calls, which is 0.3 ms, longer."""
_WALK_OPERATIONS = 12
_PREFIX_OPERATIONS = 16
_PREFIX_ERROR_MAX = 1e-14
_WHOLE_BELOW = 2.0**53


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums `high + low`; `low` is what rounding took from `high`, and smaller than its last digit."""

    high: Values
    low: Values

    def total(self) -> Values:
        return np.where(np.isinf(self.high), self.high, self.high + self.low)


def window_sums(windows: Windows, flat: Values) -> Sums:
    """The sum of each window (R, T) of `flat`, which is laid out as the batch's values are. 0 for an empty window.

    NaN if a NaN or infinities of both signs are among the summands; infinite if the sum overflows.
    """
    if walk_is_cheaper(windows, _WALK_OPERATIONS, _PREFIX_OPERATIONS):
        return _walked_sums(windows, flat, None)
    finite = np.isfinite(flat)
    if finite.all():
        sums = _prefix_sums(windows, flat)
        return _repaired(windows, flat, sums, np.isnan(sums.high))
    sums = _prefix_sums(windows, np.where(finite, flat, 0.0))
    has_nan = window_counts(windows, np.isnan(flat)) > 0
    doubtful = np.isnan(sums.high) | (window_counts(windows, ~finite) > 0)
    sums = Sums(np.where(has_nan, np.nan, sums.high), sums.low)
    return _repaired(windows, flat, sums, doubtful & ~has_nan)


def window_counts(windows: Windows, flat: Mask) -> NDArray[np.int32]:
    """How many cells of `flat` are True in each window, (R, T); `flat` is laid out as the batch's values are."""
    sums = np.zeros(len(flat) + 1, np.int32)
    np.cumsum(flat, out=sums[1:])
    first, end = windows.bounds()
    return sums.take(end) - sums.take(np.minimum(first, end))


def walk_is_cheaper(windows: Windows, walk_operations: int, prefix_operations: int) -> bool:
    """Whether a walk through all windows costs about as little as prefix sums; operations are NumPy calls."""
    longest = int(windows.count.max(initial=0))
    walk = longest * walk_operations * (windows.cells + _CALL_CELLS)
    prefix = prefix_operations * (len(windows.batch.values) + windows.cells + _CALL_CELLS)
    return walk <= prefix + _EXACTNESS


def walk(flat: Values, first: Indices, count: Indices) -> Iterator[tuple[int, Values, Mask | None]]:
    """C windows of `flat`, given by start and length (C,), position by position.

    Yields the position, the samples there (C,), and which windows are that long; None if all are.
    """
    shortest = int(count.min(initial=np.iinfo(np.intp).max))
    for position in range(int(count.max(initial=0))):
        yield position, flat.take(first + position, mode="clip"), None if position < shortest else position < count


def add_exactly(increment: Values, total: Values, compensation: Values) -> tuple[Values, Values]:
    """One step of Kahan's summation as improved by Neumaier: the new total and the new compensation."""
    new_total = total + increment
    swapped = np.abs(total) < np.abs(increment)
    larger, smaller = np.where(swapped, increment, total), np.where(swapped, total, increment)
    lost = (larger - new_total) + smaller
    return new_total, np.where(np.isinf(new_total), 0.0, compensation + lost)


def sums_in_order(terms: Values) -> tuple[Values, Values]:
    """(N, ...) terms added up one after the other as `add_exactly` does: total and compensation, (...) each.

    Zeros change nothing, so sums with fewer terms may be filled up with them.
    """
    total, rest = np.zeros(terms.shape[1:]), np.zeros(terms.shape[1:])
    for term in terms:
        new_total = total + term
        # Neumaier's error is Knuth's but where a sum overflows.
        rest += addition_errors(total, term, new_total)
        total = new_total
    if np.isfinite(total).all():
        return total, rest
    total, rest = np.zeros(terms.shape[1:]), np.zeros(terms.shape[1:])
    for term in terms:
        total, rest = add_exactly(term, total, rest)
    return total, rest


def chosen(active: Mask | None, new: Values, old: Values) -> Values:
    """`new` where a window is `active`, else `old`."""
    return new if active is None else np.where(active, new, old)


def cell_windows(windows: Windows, wanted: Mask | None) -> tuple[Indices, Indices]:
    """Start and length (C,) in the batch's values of the wanted windows, row by row; of all if None."""
    first, end = windows.bounds()
    if wanted is None:
        return first.reshape(-1), np.maximum(end - first, 0).reshape(-1)
    return first[wanted], np.maximum(end - first, 0)[wanted]


def _walked_sums(windows: Windows, flat: Values, wanted: Mask | None) -> Sums:
    first, count = cell_windows(windows, wanted)
    total, compensation = np.zeros(len(first)), np.zeros(len(first))
    for _, sample, active in walk(flat, first, count):
        new_total, new_compensation = add_exactly(sample, total, compensation)
        total, compensation = chosen(active, new_total, total), chosen(active, new_compensation, compensation)
    shape = (-1,) if wanted is not None else (len(windows.batch.rows), windows.first.shape[1])
    return Sums(total.reshape(shape), compensation.reshape(shape))


def sums_are_exact(values: Values, count: int) -> bool:
    """Whether no sum of up to `count` of the values is rounded: whole numbers whose sums stay below 2^53."""
    largest = max(values.max(initial=0), -values.min(initial=0))
    return bool(largest * count < _WHOLE_BELOW) and bool((np.rint(values) == values).all())


def _prefix_sums(windows: Windows, flat: Values) -> Sums:
    """Differences of prefix sums; NaN in `high` where they are not exact enough."""
    matrix = windows.batch.matrix(flat)
    high = np.zeros((matrix.shape[0], matrix.shape[1] + 1))
    np.cumsum(matrix, axis=1, out=high[:, 1:])
    if sums_are_exact(flat, matrix.shape[1]):
        start = np.minimum(windows.first, windows.end)
        total = windows.columns_at(high, windows.end) - windows.columns_at(high, start)
        return Sums(total, np.zeros_like(total))
    low = np.zeros_like(high)
    np.cumsum(addition_errors(high[:, :-1], matrix, high[:, 1:]), axis=1, out=low[:, 1:])
    start, stop = np.minimum(windows.first, windows.end), windows.end
    begin_high, end_high = windows.columns_at(high, start), windows.columns_at(high, stop)
    difference = end_high - begin_high
    rest = addition_errors(end_high, -begin_high, difference)
    rest += windows.columns_at(low, stop) - windows.columns_at(low, start)
    # The sum of N errors of at most max|low| has itself an error of at most N·max|low|·2^-52.
    error_max = np.abs(low).max(axis=1, keepdims=True) * (matrix.shape[1] * 2.3e-16)
    good = np.abs(difference) * _PREFIX_ERROR_MAX >= error_max
    return Sums(np.where(good, difference, np.nan), rest)


def addition_errors(a: Values, b: Values, total: Values) -> Values:
    """What rounding took from `total` = a + b, exactly (Knuth, TwoSum)."""
    part = total - a
    error: Values = (a - (total - part)) + (b - part)
    return error


def _repaired(windows: Windows, flat: Values, sums: Sums, wanted: Mask) -> Sums:
    """With the `wanted` cells (R, T) summed by a walk."""
    if not wanted.any():
        return sums
    exact = _walked_sums(windows, flat, wanted)
    high, low = sums.high.copy(), sums.low.copy()
    high[wanted], low[wanted] = exact.high, exact.low
    return Sums(high, low)
