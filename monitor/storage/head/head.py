"""The head: all sources with their newest rows, and how they come back after a restart."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from monitor.clock import Clock
from monitor.errors import CorruptData
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import ABSENT
from monitor.storage.blocks.label_codec import LabelDecoder
from monitor.storage.head.chunk import Chunk, ChunkLayout
from monitor.storage.head.head_state import HeadSettings, HeadState
from monitor.storage.head.series_runs import decode_runs
from monitor.storage.head.series_table import SeriesTable
from monitor.storage.head.source import CutChunk, Source
from monitor.storage.journal.entry_codec import CellsRecord, RowsRecord, decode_entry
from monitor.storage.journal.journal import Journal

DEFAULT_INTERVAL_MS = 15_000


class HeadStats(NamedTuple):
    series: int
    chunks: int
    rows: int
    min_ms: int
    max_ms: int


class Head:
    """Sources by key and by number. `state.lock` guards it."""

    def __init__(self, settings: HeadSettings, clock: Clock) -> None:
        self.state = HeadState(settings, clock)
        # Sources that lost all rows to blocks live on as long as somebody outside means to append to them.
        self._by_key: WeakValueDictionary[str, Source] = WeakValueDictionary()

    def open_source(self, key: str, interval_ms: int | None = None) -> Source:
        """The source named `key`, made if there is none. `interval_ms` is the time expected between rows."""
        with self.state.lock:
            found = self._by_key.get(key)
            if found is None:
                found = Source(self.state, self.state.take_id(), key, interval_ms or DEFAULT_INTERVAL_MS)
                self._by_key[key] = found
            return found

    def forget_idle_sources(self) -> list[int]:
        """Lets go of the sources of which nothing is outside of blocks; their ids."""
        with self.state.lock:
            idle = [source_id for source_id, source in self.state.sources.items() if source.is_idle()]
            for source_id in idle:
                del self.state.sources[source_id]
            return idle

    def forget_dead_series(self) -> list[int]:
        """Makes the series table anew without the batches that no layout mentions any more; their ids.

        Call it between two commits: what is on its way to the journal must not see the numbers change.
        """
        with self.state.lock:
            layouts = {layout for source in self._all_sources() for layout in source.layouts()}
            is_live = np.zeros(len(self.state.table), np.bool_)
            for layout in layouts:
                is_live[layout.numbers] = True
            table = self.state.table
            dead = {batch.batch_id for batch in table.batches if not is_live[batch.first : batch.end].any()}
            if dead:
                self._renumber(table.without(dead), layouts)
            return sorted(dead)

    def _all_sources(self) -> list[Source]:
        return list(self._by_key.values())

    def _renumber(self, table: SeriesTable, layouts: set[ChunkLayout]) -> None:
        before = self.state.table
        moved = np.zeros(len(before), np.int64)
        first_by_batch = {batch.batch_id: batch.first for batch in table.batches}
        for batch in before.batches:
            if batch.batch_id in first_by_batch:
                moved[batch.first : batch.end] = first_by_batch[batch.batch_id] + np.arange(batch.labels.size)
        renumbered = {layout: layout.renumbered(moved[layout.numbers].astype(np.uint32)) for layout in layouts}
        for source in self._all_sources():
            source.replace_layouts(renumbered)
        self.state.table = table

    def stats(self) -> HeadStats:
        with self.state.lock:
            chunks = [chunk for source in self.state.sources.values() for chunk in source.chunks() if chunk.rows]
            cut = [chunk for source in self.state.sources.values() for chunk in source.cut]
        oldest = [int(chunk.timestamps_ms[0]) for chunk in chunks] + [chunk.min_ms for chunk in cut]
        newest = [chunk.last_ms for chunk in chunks] + [chunk.max_ms for chunk in cut]
        rows = sum(chunk.rows for chunk in chunks)
        return HeadStats(
            len(self.state.table), len(chunks) + len(cut), rows, min(oldest, default=0), max(newest, default=0)
        )

    # Recovery.

    def recover(self, journal: Journal) -> None:
        """Rebuilds everything that `journal` holds. Raises CorruptData."""
        for source_id, key, interval_ms in journal.sources():
            source = Source(self.state, source_id, key, interval_ms)
            self.state.sources[source_id] = self._by_key[key] = source
        decoder = LabelDecoder()
        self.state.table.restore(
            (batch_id, source_id, decoder.decode(labels)) for batch_id, source_id, labels in journal.batches()
        )
        layouts = _LayoutReader(self.state)
        self._recover_cuts(journal, layouts)
        self.state.reserve_ids(journal.last_id())
        self._recover_rows(journal, layouts)

    def _source(self, source_id: int) -> Source:
        try:
            return self.state.sources[source_id]
        except KeyError:
            raise CorruptData(f"a chunk names source {source_id}, which is missing") from None

    def _recover_cuts(self, journal: Journal, layouts: _LayoutReader) -> None:
        span_ends_ms: set[int] = set()
        for source_id, rows in groupby(journal.cut_chunks(), key=attrgetter("source_id")):
            cuts = []
            for row in rows:
                layout = layouts.read(source_id, row.series)
                cuts.append(CutChunk(row.chunk_id, layout, row.rows, row.min_ms, row.max_ms, bool(row.is_dense)))
            self._source(source_id).add_cuts(cuts)
            span_ends_ms.update(self.state.span_end_ms(cut.min_ms) for cut in cuts)
        for span_end_ms in span_ends_ms:
            self.state.touch(span_end_ms)

    def _recover_rows(self, journal: Journal, layouts: _LayoutReader) -> None:
        chunks: dict[int, Chunk] = {}
        for row in journal.open_chunks():
            source, layout = self._source(row.source_id), layouts.read(row.source_id, row.series)
            chunk = self.state.new_chunk(
                row.source_id, layout, source.interval_ms, row.span_end_ms, ordered=row.is_ordered
            )
            chunk.chunk_id = row.chunk_id
            chunks[row.chunk_id] = chunk
        for sequence, _, rows in journal.entries():
            for record in decode_entry(rows, chunks):
                _replay(chunks[record.chunk_id], record, sequence)
        for chunk in chunks.values():
            if chunk.rows:
                self._source(chunk.source_id).adopt_chunk(chunk)


class _LayoutReader:
    """Layouts from their runs; chunks of one source that have the same columns share one.

    Sources with the same metrics, such as the targets of a job, share how their columns are grouped.
    """

    def __init__(self, state: HeadState) -> None:
        self._table = state.table
        self._first_by_batch = {batch.batch_id: batch.first for batch in state.table.batches}
        self._known: dict[tuple[int, bytes], ChunkLayout] = {}
        self._by_metric: dict[bytes, ChunkLayout] = {}

    def read(self, source_id: int, series: bytes) -> ChunkLayout:
        found = self._known.get((source_id, series))
        if found is None:
            numbers = decode_runs(series, self._first_by_batch)
            metric = self._table.codes_in_order(METRIC_NAME, numbers)
            alike = self._by_metric.get(metric.tobytes())
            if alike is None:
                alike = self._by_metric[metric.tobytes()] = ChunkLayout(numbers, metric)
            found = self._known[source_id, series] = alike.renumbered(numbers)
        return found


def _replay(chunk: Chunk, record: RowsRecord | CellsRecord, sequence: int) -> None:
    if isinstance(record, CellsRecord):
        chunk.values[record.cells.rows, record.cells.columns] = record.cells.values
        return
    end = record.first_row + len(record.timestamps_ms)
    if end > chunk.capacity:
        chunk.lengthen(end)
    chunk.timestamps_ms[record.first_row : end] = record.timestamps_ms
    chunk.serials[record.first_row : end] = 0
    columns = record.values.shape[1]
    chunk.values[record.first_row : end, :columns] = record.values
    chunk.values[record.first_row : end, columns:] = ABSENT
    chunk.rows = chunk.journaled_rows = max(chunk.rows, end)
    chunk.journaled_columns = chunk.columns
    if chunk.first_sequence is None:
        chunk.first_sequence = sequence
