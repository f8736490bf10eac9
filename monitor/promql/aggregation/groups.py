"""Rows of a matrix brought together in groups, and reduced group by group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import Grouping, Rows
from monitor.model.samples import Mask

_CELLS_PER_CALL = 2_000
"""reduceat takes some 2 ns a cell longer than reduce, which costs a call for each group of some 4 us."""

Counts = NDArray[np.intp]


_CELLS_AT_ONCE = 1 << 20
"""NumPy keeps the interpreter to itself while it reduces: 3 ns a cell, and the event loop waits for it."""


class Groups:
    """S rows divided into G groups, none of them empty. Immutable."""

    __slots__ = ("first", "group", "order", "size", "starts")

    def __init__(self, grouping: Grouping) -> None:
        self.group = grouping.group
        """(S,) the group of each row."""
        self.first = grouping.first
        """(G,) the first row of each group."""
        self.size = grouping.size
        order = np.argsort(grouping.group, kind="stable")
        self.starts: Rows = np.searchsorted(grouping.group[order], np.arange(grouping.size))
        is_sorted = bool((order[1:] > order[:-1]).all())
        self.order: Rows | None = None if is_sorted else order
        """(S,) rows by group, within a group in their own order; None if they stand so already."""

    @property
    def is_unique(self) -> bool:
        """Whether every group has one row only."""
        return self.size == len(self.group)

    @property
    def sizes(self) -> Rows:
        """(G,) rows of each group."""
        return np.diff(self.starts, append=len(self.group))

    def sorted(self, cells: NDArray[Any]) -> NDArray[Any]:
        """(S, …) by group."""
        return cells if self.order is None else cells[self.order]

    def reduce(self, operation: np.ufunc, cells: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
        """(S, T) → (G, T) by an operation such as np.add, row after row."""
        if self.is_unique and self.order is None:
            return cells if dtype is None else cells.astype(dtype)
        if cells.size <= _CELLS_AT_ONCE:
            return self._reduce(operation, cells, dtype)
        width = max(1, _CELLS_AT_ONCE // len(cells))
        blocks = (cells[:, first : first + width] for first in range(0, cells.shape[1], width))
        return np.concatenate([self._reduce(operation, block, dtype) for block in blocks], axis=1)

    def _reduce(self, operation: np.ufunc, cells: NDArray[Any], dtype: Any) -> NDArray[Any]:
        cells = self.sorted(cells)
        if self.size * _CELLS_PER_CALL > cells.size:
            return np.asarray(operation.reduceat(cells, self.starts, axis=0, dtype=dtype))
        stops = [*self.starts[1:].tolist(), len(cells)]
        parts = zip(self.starts.tolist(), stops, strict=True)
        return np.stack([operation.reduce(cells[start:stop], axis=0, dtype=dtype) for start, stop in parts])

    def by_size(self) -> Iterator[tuple[Rows, Rows]]:
        """Groups (C,) of the same size, and their rows (C, size) in what `sorted` gives; size after size."""
        for size in np.unique(self.sizes).tolist():
            alike = np.flatnonzero(self.sizes == size)
            yield alike, self.starts[alike][:, None] + np.arange(size)

    def any(self, cells: Mask) -> Mask:
        """Which groups have a True at each step, (G, T)."""
        return self.reduce(np.logical_or, cells)

    def count(self, cells: Mask | None, steps: int) -> Counts:
        """How many True each group has at each step, (G, T); None stands for all True."""
        if cells is None:
            return np.broadcast_to(self.sizes[:, None], (self.size, steps))
        return self.reduce(np.add, cells, np.intp)
