"""Sums over groups of rows with the digits that a plain sum loses, as upstream's Kahan summation has them."""

from __future__ import annotations

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.samples import Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.ranges.window_sums import Sums, add_exactly, addition_errors

_SMALL_GROUP = 48
"""Rows from which on adding by halves is faster than adding row by row over all groups at once."""
_CELLS_PER_BLOCK = 1 << 15
_SPLIT_BELOW = 2.0**900
"""Far from where adding to the grid overflows; NaN is not below it."""


def group_sums(groups: Groups, values: Values) -> Sums:
    """(S, T) → (G, T), each group from its first row to its last."""
    if groups.is_unique:
        total = groups.sorted(values)
        return Sums(total, np.zeros_like(total))
    rows = groups.sorted(values)
    sizes = groups.sizes
    high, low = np.empty((groups.size, rows.shape[1])), np.empty((groups.size, rows.shape[1]))
    small = np.flatnonzero(sizes <= _SMALL_GROUP)
    if len(small):
        high[small], low[small] = _row_by_row(rows, groups.starts[small], sizes[small])
    for group in np.flatnonzero(sizes > _SMALL_GROUP).tolist():
        start = groups.starts[group]
        high[group], low[group] = _of_large_group(rows[start : start + sizes[group]])
    return Sums(high, low)


def _row_by_row(rows: Values, starts: Rows, sizes: Rows) -> tuple[Values, Values]:
    """Many small groups: the first rows of all, then the second rows …"""
    high, low = rows[starts], np.zeros((len(starts), rows.shape[1]))
    for position in range(1, int(sizes.max())):
        longer = np.flatnonzero(sizes > position)
        high[longer], low[longer] = add_exactly(rows[starts[longer] + position], high[longer], low[longer])
    return high, low


def _of_large_group(rows: Values) -> tuple[Values, Values]:
    """One large group (N, T) → (T,), in blocks that fit the cache."""
    size = max(2, _CELLS_PER_BLOCK // rows.shape[1])
    high, low = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
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
