"""Sums over groups of rows with the digits that a plain sum loses, as upstream's Kahan summation has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.samples import Mask, Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.ranges.window_sums import Sums, add_exactly, addition_errors

_SMALL_GROUP = 48
"""Rows from which on adding by halves is faster than adding row by row over all groups at once."""
_CELLS_PER_BLOCK = 1 << 15
_SPLIT_BELOW = 2.0**900
"""Far from where adding to the grid overflows; NaN is not below it."""


def group_sums(groups: Groups, values: Values, present: Mask | None = None) -> Sums:
    """(S, T) → (G, T), each group from its first row to its last; cells that are not `present` (S, T) count as 0."""
    rows = _Rows(groups.order, values, present)
    if groups.is_unique:
        total = rows.take(0, len(values))
        return Sums(total, np.zeros_like(total))
    sizes = groups.sizes
    high, low = np.empty((groups.size, values.shape[1])), np.empty((groups.size, values.shape[1]))
    small = np.flatnonzero(sizes <= _SMALL_GROUP)
    if len(small):
        high[small], low[small] = _row_by_row(rows, groups.starts[small], sizes[small])
    for group in np.flatnonzero(sizes > _SMALL_GROUP).tolist():
        start = int(groups.starts[group])
        high[group], low[group] = _of_large_group(rows, start, start + int(sizes[group]))
    return Sums(high, low)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows by group, 0 where nothing is present. Only those in use are copied, as many as stay in the cache."""

    order: Rows | None
    values: Values
    present: Mask | None

    def take(self, start: int, stop: int) -> Values:
        """Those from `start` to `stop` - 1; not to be changed."""
        return self._cells(slice(start, stop) if self.order is None else self.order[start:stop])

    def take_each(self, positions: Rows) -> Values:
        return self._cells(positions if self.order is None else self.order[positions])

    def _cells(self, rows: Rows | slice) -> Values:
        cells = self.values[rows]
        return cells if self.present is None else np.where(self.present[rows], cells, 0.0)


def _row_by_row(rows: _Rows, starts: Rows, sizes: Rows) -> tuple[Values, Values]:
    """Many small groups: the first rows of all, then the second rows …"""
    high = rows.take_each(starts)
    low = np.zeros_like(high)
    for position in range(1, int(sizes.max())):
        longer = np.flatnonzero(sizes > position)
        high[longer], low[longer] = add_exactly(rows.take_each(starts[longer] + position), high[longer], low[longer])
    return high, low


def _of_large_group(rows: _Rows, first: int, stop: int) -> tuple[Values, Values]:
    """The group of the rows `first` to `stop` - 1 → (T,), in blocks that fit the cache."""
    steps = rows.values.shape[1]
    size = max(2, _CELLS_PER_BLOCK // steps)
    high, low = np.zeros(steps), np.zeros(steps)
    for start in range(first, stop, size):
        block = rows.take(start, min(start + size, stop))
        highest = block.max(axis=0)
        is_plain = bool((block.min(axis=0) >= 0).all() and (highest < _SPLIT_BELOW).all())
        block_high, block_low = _by_splitting(block, highest) if is_plain else _by_halves(block)
        high, low = add_exactly(block_high, high, low)
        low = low + block_low
    return high, np.where(np.isfinite(low), low, 0.0)


def _by_splitting(block: Values, highest: Values) -> tuple[Values, Values]:
    """Sums of numbers of one sign: their upper digits add up without any rounding (Rump, AccSum), the lower ones apart.

    `highest` (T,) are the largest. What is lost is below 2^-90 of it.
    """
    _, exponent = np.frexp(highest)
    grid = np.ldexp(1.0, exponent + len(block).bit_length() + 1)
    upper = block + grid
    upper -= grid
    high, rest = upper.sum(axis=0), np.subtract(block, upper, out=upper).sum(axis=0)
    total = high + rest
    return total, addition_errors(high, rest, total)


def _by_halves(block: Values) -> tuple[Values, Values]:
    """Sums of any numbers: the upper half onto the lower half, again and again."""
    block_low = np.zeros_like(block)
    while len(block) > 1:
        half = len(block) // 2
        total = block[:half] + block[half : 2 * half]
        errors = addition_errors(block[:half], block[half : 2 * half], total)
        errors += block_low[:half] + block_low[half : 2 * half]
        block = np.concatenate([total, block[2 * half :]])
        block_low = np.concatenate([errors, block_low[2 * half :]])
    return block[0], block_low[0]
