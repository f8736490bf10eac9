"""One source: whatever appends rows of several series at once, such as a scraped target or a rule group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows, group_codes, shared_codes
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import STALE, Timestamps, Values, is_absent
from monitor.storage.head.chunk import Chunk, ChunkLayout, Columns
from monitor.storage.head.head_state import BEFORE_ALL_MS, HeadState
from monitor.storage.head.series_table import SeriesNumbers

EMPTY_LAYOUT = ChunkLayout(np.empty(0, np.uint32), np.empty(0, np.int32))
SPARE_COLUMNS = 64
"""A chunk is given up when more than half of its columns, and more than these, belong to series that ended."""


@dataclass(frozen=True, slots=True, eq=False)
class CutChunk:
    """A chunk whose rows are slabs in the journal database."""

    chunk_id: int
    layout: ChunkLayout
    rows: int
    min_ms: int
    max_ms: int
    is_dense: bool

    def slab_series(self, slab: int) -> int:
        """How many series a slab of this chunk holds."""
        return int(self.layout.starts[slab + 1] - self.layout.starts[slab])


class Source:
    """The rows of one source, newest in memory. The head's lock guards all of it.

    `chunk` takes what is younger than all before it, `late` the rest; both have the columns of `layout`. `cutting` are
    full chunks on their way into slabs, `cut` those that are there.
    """

    __slots__ = (
        "__weakref__",
        "_columns",
        "_ended",
        "_frame",
        "_frame_numbers",
        "_row_series",
        "_state",
        "chunk",
        "cut",
        "cut_max_ms",
        "cutting",
        "interval_ms",
        "key",
        "late",
        "layout",
        "source_id",
        "version",
    )

    def __init__(self, state: HeadState, source_id: int, key: str, interval_ms: int) -> None:
        self._state = state
        self.source_id = source_id
        self.key = key
        self.interval_ms = interval_ms
        self.layout = EMPTY_LAYOUT
        self.chunk: Chunk | None = None
        self.late: Chunk | None = None
        self.cutting: list[Chunk] = []
        self.cut: list[CutChunk] = []
        self.cut_max_ms = BEFORE_ALL_MS
        """The youngest sample in `cut`, or younger."""
        self.version = 0
        """Another one after each change of what chunks and rows there are, or what is in them."""
        self._columns: Rows | None = None
        self._row_series = 0
        self._ended: Rows | None = None
        self._frame: LabelFrame | None = None
        self._frame_numbers: SeriesNumbers = EMPTY_LAYOUT.numbers

    def chunks(self) -> Iterator[Chunk]:
        """All chunks in memory, oldest first; late samples last."""
        yield from self.cutting
        if self.chunk is not None:
            yield self.chunk
        if self.late is not None:
            yield self.late

    @property
    def has_rows_in_memory(self) -> bool:
        """Other than those on their way into slabs."""
        return any(chunk is not None and chunk.rows for chunk in (self.chunk, self.late))

    def last_ms(self) -> int:
        """The timestamp of the youngest row; below any other if there is none."""
        if self.chunk is not None and self.chunk.rows:
            return self.chunk.last_ms
        ages = [chunk.last_ms for chunk in self.cutting if chunk.ordered]
        ages += [chunk.max_ms for chunk in self.cut]
        return max(ages, default=BEFORE_ALL_MS)

    # Rows of one layout: scraped targets.

    def set_layout(self, labels: LabelFrame) -> int:
        """See RowAppender.set_layout."""
        with self._state.lock:
            before = self._row_columns()
            columns = self.columns_for(self.numbers_for(labels))
            is_ended = np.zeros(len(self.layout.numbers), np.bool_)
            is_ended[before] = True
            kept = int(is_ended[columns].sum())
            is_ended[columns] = False
            if self._ended is not None:
                is_ended[self._ended] = True
                is_ended[columns] = False
            ended = np.flatnonzero(is_ended)
            self._use_columns(columns)
            self._ended = ended if len(ended) else None
            if len(self.layout.numbers) > 2 * (len(columns) + len(ended)) + SPARE_COLUMNS:
                self._narrow_rows()
            return len(columns) - kept

    def append_row(self, timestamp_ms: int, values: Values) -> None:
        """See RowAppender.append_row."""
        state = self._state
        with state.lock:
            state.check_accepts()
            if self._ended is not None:
                self._append_last_row(timestamp_ms, values)
                return
            chunk = self.chunk
            if (
                chunk is None
                or timestamp_ms >= chunk.span_end_ms
                or chunk.rows == chunk.capacity
                or timestamp_ms <= chunk.last_ms
            ):
                if timestamp_ms <= self.last_ms():
                    self._append_late_row(timestamp_ms, values)
                    return
                chunk = self._chunk_for_row(timestamp_ms)
            state.mark_dirty(chunk)
            self.version += 1
            chunk.append(timestamp_ms, state.next_serial(timestamp_ms), values, self._columns)

    def _row_columns(self) -> Rows:
        return np.arange(self._row_series) if self._columns is None else self._columns

    def _use_columns(self, columns: Rows) -> None:
        self._row_series = len(columns)
        self._columns = None if bool((columns == np.arange(len(columns))).all()) else columns

    def _append_last_row(self, timestamp_ms: int, values: Values) -> None:
        """The first row of a new layout, with a stale marker for each series that is not in it any more."""
        assert self._ended is not None, "BUG: got no ended series"
        columns = np.concatenate([self._row_columns(), self._ended])
        row = np.concatenate([values, np.full(len(self._ended), STALE)])
        self._ended = None
        self.append_block(columns, np.array([timestamp_ms]), row[None, :])

    def _append_late_row(self, timestamp_ms: int, values: Values) -> None:
        """A row of a clock that was set back, however far. Where there is a sample of that time already, it stays."""
        self._append_old(self._row_columns(), np.array([timestamp_ms]), values[None, :], BEFORE_ALL_MS)

    def _chunk_for_row(self, timestamp_ms: int) -> Chunk:
        if self.chunk is not None and len(self.layout.numbers) > self._row_series:
            self._narrow_rows()
        return self._next_chunk(timestamp_ms)

    def _narrow_rows(self) -> None:
        """Goes on without the columns that no row uses any more."""
        columns = self._row_columns()
        ended = np.empty(0, np.intp) if self._ended is None else self._ended
        self._narrow(np.concatenate([columns, ended]))
        self._use_columns(np.arange(len(columns)))
        self._ended = np.arange(len(columns), len(columns) + len(ended)) if len(ended) else None

    # Blocks of samples: pushed series, rule results.

    def numbers_for(self, labels: LabelFrame) -> SeriesNumbers:
        """The series numbers (S,) of `labels`; label sets that are no column now are registered as new series."""
        table = self._state.table
        adopted = table.adopt(labels)
        known = table.labels_in_order(self.layout.numbers)
        old, new = shared_codes([known, adopted], sorted({*adopted.columns, *known.columns}))
        both = [np.concatenate(pair) for pair in zip(old, new, strict=True)]
        grouping = group_codes(known.size + adopted.size, both)
        owner = grouping.first[grouping.group[known.size :]]
        is_known = owner < known.size
        numbers = np.empty(adopted.size, np.uint32)
        numbers[is_known] = self.layout.numbers[owner[is_known]]
        if not is_known.all():
            numbers[~is_known] = self._state.register(self.source_id, adopted.take(~is_known))
        return numbers

    def columns_for(self, numbers: SeriesNumbers) -> Rows:
        """The columns (S,) of series, which are added to the layout where they are missing."""
        columns = np.full(len(numbers), -1, np.intp)
        order = np.argsort(numbers, kind="stable")
        found, where = self.layout.columns_of(numbers[order])
        columns[order[found]] = where
        missing = np.flatnonzero(columns < 0)
        if len(missing):
            start = len(self.layout.numbers)
            self._widen(numbers[missing])
            columns[missing] = np.arange(start, start + len(missing))
        return columns

    def append_frame(self, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        """See Appender.append."""
        if labels is not self._frame:
            self._frame, self._frame_numbers = labels, self.numbers_for(labels)
        self.trim()
        self.append_block(self.columns_for(self._frame_numbers), timestamps_ms, values)

    def append_block(
        self, columns: Columns, timestamps_ms: Timestamps, values: Values, *, takes_any_age: bool = False
    ) -> None:
        """T rows (T, S) for columns (S,); timestamps ascend strictly. What is known already stays as it is.

        Late rows from before the late window are refused, unless any age is taken.
        """
        self._state.check_accepts()
        if self.chunk is not None and self.chunk.takes(timestamps_ms):
            self._extend(self.chunk, columns, timestamps_ms, values)
            return
        horizon_ms = BEFORE_ALL_MS if takes_any_age else self._state.late_horizon_ms()
        if self.chunk is not None and self.chunk.ends_with(timestamps_ms) and timestamps_ms[0] >= horizon_ms:
            self._state.mark_dirty(self.chunk)
            self.version += 1
            self.chunk.fill_last(columns, values[0])
            return
        newer = int(np.searchsorted(timestamps_ms, self.last_ms(), side="right"))
        if newer:
            self._append_old(columns, timestamps_ms[:newer], values[:newer], horizon_ms)
        position = newer
        while position < len(timestamps_ms):
            chunk = self.chunk
            if chunk is None or chunk.rows == chunk.capacity or timestamps_ms[position] >= chunk.span_end_ms:
                chunk = self._next_chunk(int(timestamps_ms[position]))
            inside = int(np.searchsorted(timestamps_ms, chunk.span_end_ms))
            position += self._extend(chunk, columns, timestamps_ms[position:inside], values[position:inside])

    def _extend(self, chunk: Chunk, columns: Columns, timestamps_ms: Timestamps, values: Values) -> int:
        """Adds as many of the rows as the chunk takes; how many."""
        count = min(len(timestamps_ms), chunk.capacity - chunk.rows)
        self._state.mark_dirty(chunk)
        self.version += 1
        serial = self._state.next_serial(int(timestamps_ms[count - 1]))
        chunk.extend(timestamps_ms[:count], serial, values[:count], columns)
        return count

    def _append_old(self, columns: Columns, timestamps_ms: Timestamps, values: Values, horizon_ms: int) -> None:
        """Rows that are not younger than the last: into the row of their time if it is in memory, else late.

        Those from before `horizon_ms` are refused.
        """
        refused = int(np.searchsorted(timestamps_ms, horizon_ms, side="left"))
        if refused:
            self._state.refused_samples += int((~is_absent(np.ascontiguousarray(values[:refused]))).sum())
            timestamps_ms, values = timestamps_ms[refused:], values[refused:]
        for chunk in (self.chunk, self.late):
            if chunk is None or not chunk.rows:
                continue
            is_there, rows = chunk.rows_at(timestamps_ms)
            if len(rows):
                self._state.mark_dirty(chunk)
                self.version += 1
                chunk.fill(rows, columns, values[is_there])
                timestamps_ms, values = timestamps_ms[~is_there], values[~is_there]
        position = 0
        while position < len(timestamps_ms):
            late = self._late_chunk(int(timestamps_ms[position]))
            position += self._extend(late, columns, timestamps_ms[position:], values[position:])

    def trim(self) -> None:
        """At the end of a chunk, forgets the columns of pushed series of which it got no sample."""
        chunk = self.chunk
        if chunk is None or chunk.rows < chunk.capacity or self._row_series:
            return
        used = np.flatnonzero(~is_absent(chunk.values[: chunk.rows]).all(axis=0))
        if len(used) < chunk.columns:
            self._narrow(used)

    # Chunks.

    def _widen(self, numbers: SeriesNumbers) -> None:
        self._set_columns(np.concatenate([self.layout.numbers, numbers]))
        for chunk in (self.chunk, self.late):
            if chunk is not None:
                chunk.widen(self.layout)

    def _narrow(self, columns: Rows) -> None:
        self.give_up_chunks()
        self._set_columns(self.layout.numbers[columns])

    def _set_columns(self, numbers: SeriesNumbers) -> None:
        state = self._state
        self.version += 1
        state.columns += len(numbers) - len(self.layout.numbers)
        metric = state.table.codes_in_order(METRIC_NAME, numbers)
        self.layout = ChunkLayout(numbers, metric)

    def _next_chunk(self, timestamp_ms: int) -> Chunk:
        self.give_up_chunks()
        self._state.activate(self)
        self.chunk = self._state.new_chunk(
            self.source_id, self.layout, self.interval_ms, self._state.span_end_ms(timestamp_ms), ordered=True
        )
        return self.chunk

    def _late_chunk(self, timestamp_ms: int) -> Chunk:
        if self.late is not None and self.late.rows == self.late.capacity:
            self._start_cut(self.late)
            self.late = None
        if self.late is None:
            self._state.activate(self)
            self.late = self._state.new_chunk(
                self.source_id, self.layout, self.interval_ms, self._state.span_end_ms(timestamp_ms), ordered=False
            )
        return self.late

    def give_up_chunks(self) -> None:
        """Sends what is in memory on its way into slabs."""
        for chunk in (self.chunk, self.late):
            if chunk is not None and chunk.rows:
                self._start_cut(chunk)
        self.chunk = self.late = None

    def _start_cut(self, chunk: Chunk) -> None:
        self.version += 1
        self.cutting.append(chunk)
        self._state.cuts.append(chunk)

    def cut_before(self, time_ms: int) -> None:
        """Gives up the chunks in memory that hold only rows older than `time_ms`."""
        chunks = [chunk for chunk in (self.chunk, self.late) if chunk is not None and chunk.rows]
        if chunks and all(int(chunk.timestamps_ms[: chunk.rows].max()) < time_ms for chunk in chunks):
            self.give_up_chunks()

    def is_idle(self) -> bool:
        """Whether nothing of this source is outside of blocks."""
        return self.chunk is None and self.late is None and not self.cutting and not self.cut

    def layouts(self) -> set[ChunkLayout]:
        """All layouts in use."""
        in_memory = {chunk.layout for chunk in self.chunks()}
        return {self.layout} | in_memory | {chunk.layout for chunk in self.cut}

    def replace_layouts(self, layouts: dict[ChunkLayout, ChunkLayout]) -> None:
        """Goes over to the same layouts under new series numbers."""
        self.version += 1
        self.layout = layouts[self.layout]
        self._frame = None
        for chunk in self.chunks():
            chunk.layout = layouts[chunk.layout]
        self.cut = [replace(cut, layout=layouts[cut.layout]) for cut in self.cut]

    def adopt_chunk(self, chunk: Chunk) -> None:
        """Takes back a chunk of an earlier run. The youngest ordered one goes on; others become slabs as they are."""
        if not chunk.ordered:
            self._start_cut(chunk)
            return
        if self.chunk is not None:
            self._start_cut(self.chunk)
        self.version += 1
        self.chunk = chunk
        self._state.columns += chunk.columns - len(self.layout.numbers)
        self.layout = chunk.layout

    def add_cuts(self, cuts: Sequence[CutChunk]) -> None:
        self.version += 1
        self.cut.extend(cuts)
        self.cut_max_ms = max(self.cut_max_ms, *(cut.max_ms for cut in cuts))

    def finish_cut(self, chunk: Chunk, cuts: list[CutChunk]) -> None:
        """The chunk's rows are slabs in the journal database now."""
        self.cutting.remove(chunk)
        self.add_cuts(cuts)
        for cut in cuts:
            self._state.touch(self._state.span_end_ms(cut.min_ms))
