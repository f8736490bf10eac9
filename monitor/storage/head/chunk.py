"""The newest rows of a source, as one matrix in memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import Rows, group_codes, run_bounds
from monitor.model.samples import ABSENT, Mask, Timestamps, Values, has_gaps, is_absent
from monitor.storage.head.row_memory import new_rows
from monitor.storage.head.series_table import SeriesNumbers

Columns = NDArray[np.integer] | slice
"""Columns of a chunk in any order, or from `start` to `stop` of a slice, which takes a fraction of the time."""

SLAB_SERIES_MAX = 256
"""More series of one metric are split into several slabs, so that reading one of them decodes a bounded piece."""


class ChunkLayout:
    """The C series of a chunk's columns, and how the columns are grouped into slabs: one metric each.

    `numbers` (C,) are series of the head. Slab g holds the columns `order[starts[g]:starts[g + 1]]`. Immutable.
    """

    __slots__ = ("__weakref__", "_by_number", "numbers", "order", "starts")

    def __init__(self, numbers: SeriesNumbers, metric: NDArray[np.integer]) -> None:
        """`metric` (C,) is equal for columns of one metric."""
        self.numbers = numbers
        self.order, self.starts = _slabs_by_metric(metric)
        self._by_number = _sorting(numbers)

    @property
    def slabs(self) -> int:
        return len(self.starts) - 1

    def slab_places(self) -> Rows:
        """Where each column stands when the slabs are laid end to end, (C,)."""
        places = np.empty(len(self.order), np.intp)
        places[self.order] = np.arange(len(self.order))
        return places

    def columns_of(self, numbers: SeriesNumbers) -> tuple[Rows, Rows]:
        """Which of ascending series numbers are columns here: their positions in `numbers`, and their columns."""
        order = self._by_number
        ascending = self.numbers if order is None else self.numbers[order]
        if not len(ascending):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        place = np.searchsorted(ascending, numbers)
        place[place == len(ascending)] = 0
        found = np.flatnonzero(ascending[place] == numbers)
        return found, place[found] if order is None else order[place[found]]

    def renumbered(self, numbers: SeriesNumbers) -> ChunkLayout:
        """The same columns under new series numbers."""
        copy = object.__new__(ChunkLayout)
        copy.numbers, copy.order, copy.starts = numbers, self.order, self.starts
        copy._by_number = _sorting(numbers)
        return copy


def _sorting(numbers: SeriesNumbers) -> Rows | None:
    """What sorts `numbers`; None if they ascend already, which is the rule and saves 8 bytes a series."""
    ascending = len(numbers) < 2 or bool((numbers[1:] > numbers[:-1]).all())
    return None if ascending else np.argsort(numbers, kind="stable")


def _slabs_by_metric(metric: NDArray[np.integer]) -> tuple[NDArray[np.int32], Rows]:
    """`order` and `starts` of a layout.

    In order of first appearance: slabs on disk are found by this order, and codes change from run to run.
    """
    runs = metric[np.flatnonzero(metric[1:] != metric[:-1]) + 1].tolist()
    if len({*metric[:1].tolist(), *runs}) == len(runs) + len(metric[:1]):
        return np.arange(len(metric), dtype=np.int32), _slab_starts(metric)  # each metric in one piece, as exposed
    group = group_codes(len(metric), [metric]).group
    order = np.argsort(group, kind="stable").astype(np.int32)
    return order, _slab_starts(group[order])


def _slab_starts(ordered_metric: NDArray[np.integer]) -> Rows:
    starts = [
        first for start, end in pairwise(run_bounds(ordered_metric)) for first in range(start, end, SLAB_SERIES_MAX)
    ]
    return np.array([*starts, len(ordered_metric)], np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Samples put into rows that were there before: `values[i]` at (`rows[i]`, `columns[i]`)."""

    rows: Rows
    columns: Rows
    values: Values


class Chunk:
    """Up to `capacity` rows over the columns of `layout`, time-major so that a scrape is one row copy.

    `values[:rows]` never changes but for absent cells that get a sample. In an ordered chunk (every one but those of
    late samples) timestamps ascend strictly. `serials[r]` is the number of the append that made row r: what a reader
    sees is cut off there.
    """

    __slots__ = (
        "cells",
        "checked_rows",
        "chunk_id",
        "first_sequence",
        "gaps",
        "journaled_columns",
        "journaled_rows",
        "layout",
        "ordered",
        "pace",
        "rows",
        "serials",
        "source_id",
        "span_end_ms",
        "timestamps_ms",
        "values",
    )

    def __init__(
        self,
        chunk_id: int,
        source_id: int,
        layout: ChunkLayout,
        capacity: int,
        span_end_ms: int,
        *,
        ordered: bool,
        pace: int,
    ) -> None:
        self.chunk_id = chunk_id
        self.source_id = source_id
        self.layout = layout
        self.ordered = ordered
        self.pace = pace
        self.span_end_ms = span_end_ms
        self.rows = 0
        self.timestamps_ms: Timestamps = np.empty(capacity, np.int64)
        self.serials = np.empty(capacity, np.int64)
        self.values: Values = new_rows(capacity, len(layout.numbers))
        self.cells: list[Cells] = []
        self.checked_rows = 0
        self.gaps = False
        self.journaled_rows = 0
        self.journaled_columns = 0
        self.first_sequence: int | None = None
        """The first journal entry that holds rows of this chunk."""

    @property
    def columns(self) -> int:
        return len(self.layout.numbers)

    @property
    def capacity(self) -> int:
        return len(self.timestamps_ms)

    @property
    def last_ms(self) -> int:
        """The last row's timestamp; below any other if there is no row."""
        return int(self.timestamps_ms[self.rows - 1]) if self.rows else -(2**62)

    @property
    def is_dirty(self) -> bool:
        """Whether something in here is not in the journal."""
        return self.rows > self.journaled_rows or bool(self.cells)

    def append(self, timestamp_ms: int, serial: int, values: Values, columns: Rows | None) -> None:
        """One row; `columns` None means that the values are the first columns, in order."""
        row = self.rows
        self.timestamps_ms[row] = timestamp_ms
        self.serials[row] = serial
        if columns is None:
            self.values[row, : len(values)] = values
            if len(values) < self.columns:
                self.values[row, len(values) :] = ABSENT
        else:
            self.values[row] = ABSENT
            self.values[row, columns] = values
        self.rows = row + 1

    def takes(self, timestamps_ms: Timestamps) -> bool:
        """Whether ascending rows of these times may follow the last one, all of them."""
        return (
            self.rows + len(timestamps_ms) <= self.capacity
            and bool(timestamps_ms[0] > self.last_ms)
            and bool(timestamps_ms[-1] < self.span_end_ms)
        )

    def ends_with(self, timestamps_ms: Timestamps) -> bool:
        """Whether these times are that of the last row."""
        return len(timestamps_ms) == 1 and self.rows > 0 and bool(timestamps_ms[0] == self.last_ms)

    def extend(self, timestamps_ms: Timestamps, serial: int, values: Values, columns: Columns) -> None:
        """T rows at once: `values` (T, S) for `columns` (S,)."""
        start, end = self.rows, self.rows + len(timestamps_ms)
        self.timestamps_ms[start:end] = timestamps_ms
        self.serials[start:end] = serial
        if values.shape[1] < self.columns:
            self.values[start:end] = ABSENT
        self.values[start:end, columns] = values
        self.rows = end

    def widen(self, layout: ChunkLayout) -> None:
        """Continues with a layout whose first columns are those of today's."""
        wider = new_rows(self.capacity, len(layout.numbers))
        wider[: self.rows, : self.columns] = self.values[: self.rows]
        wider[: self.rows, self.columns :] = ABSENT
        self.values = wider
        self.layout = layout
        self.gaps = self.gaps or self.rows > 0

    def lengthen(self, capacity: int) -> None:
        """Makes room for more rows than planned: a chunk of an earlier run may be longer than those of this one."""
        rows = self.rows
        timestamps_ms, serials, values = self.timestamps_ms, self.serials, self.values
        self.timestamps_ms, self.serials = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        self.values = new_rows(capacity, self.columns)
        self.timestamps_ms[:rows], self.serials[:rows], self.values[:rows] = (
            timestamps_ms[:rows],
            serials[:rows],
            values[:rows],
        )

    def rows_at(self, timestamps_ms: Timestamps) -> tuple[Mask, Rows]:
        """Which of ascending times (T,) have a row here, and the rows of those."""
        known = self.timestamps_ms[: self.rows]
        order = None if self.ordered else np.argsort(known, kind="stable")
        place = np.minimum(known.searchsorted(timestamps_ms, sorter=order), len(known) - 1)
        rows = place if order is None else order[place]
        is_there = known[rows] == timestamps_ms
        return is_there, rows[is_there]

    def fill_last(self, columns: Columns, values: Values) -> None:
        """The same as `fill` for the last row and one row of values (S,): the rest of what comes in several parts."""
        row = self.values[self.rows - 1]
        is_new = is_absent(np.ascontiguousarray(row[columns])) & ~is_absent(np.ascontiguousarray(values))
        if not is_new.any():
            return
        places = np.arange(self.columns)[columns][is_new]
        row[places] = values[is_new]
        if self.journaled_rows == self.rows:
            self.cells.append(Cells(np.full(len(places), self.rows - 1), places, row[places]))

    def fill(self, rows: Rows, columns: Columns, values: Values) -> int:
        """Puts a block `values` (T, S) into the absent cells of existing rows, and returns how many it filled."""
        places = np.arange(self.columns)[columns]
        there = self.values[rows[:, None], places]
        row, column = np.nonzero(is_absent(there) & ~is_absent(np.ascontiguousarray(values)))
        if not len(row):
            return 0
        self.values[rows[row], places[column]] = values[row, column]
        journaled = rows[row] < self.journaled_rows
        if journaled.any():
            self.cells.append(Cells(rows[row][journaled], places[column][journaled], values[row, column][journaled]))
        return len(row)

    def is_dense(self, rows: int) -> bool:
        """Whether the first `rows` rows have neither stale markers nor absent cells. Each row is looked at once."""
        if not self.gaps and rows > self.checked_rows:
            self.gaps = has_gaps(self.values[self.checked_rows : rows])
            self.checked_rows = rows
        return not self.gaps

    def visible_rows(self, serial_max: int) -> int:
        """How many rows a reader may see that began when `serial_max` was the last append."""
        rows = self.rows
        if not rows or self.serials[rows - 1] <= serial_max:
            return rows
        return int(np.searchsorted(self.serials[:rows], serial_max, side="right"))


def merge_rows(timestamps_ms: Timestamps, values: Values) -> tuple[Timestamps, Values]:
    """Rows in any order as ascending ones; of rows with equal timestamps the first sample of each series counts.

    `values` is (R, N), series-major; so is the result.
    """
    if len(timestamps_ms) < 2 or bool((np.diff(timestamps_ms) > 0).all()):
        return timestamps_ms, values
    order = np.argsort(timestamps_ms, kind="stable")
    timestamps_ms, values = timestamps_ms[order], np.ascontiguousarray(values[:, order])
    is_first = np.diff(timestamps_ms, prepend=timestamps_ms[0] - 1) > 0
    first = np.flatnonzero(is_first)
    merged = np.ascontiguousarray(values[:, first])
    group = np.cumsum(is_first) - 1
    for position in np.flatnonzero(~is_first).tolist():
        target = merged[:, group[position]].copy()
        missing = is_absent(target)
        target[missing] = values[missing, position]
        merged[:, group[position]] = target
    return timestamps_ms[first], merged
