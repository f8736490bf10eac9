"""What the head has of a finished block span, as the sources of a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from monitor.errors import CorruptData
from monitor.model.label_frame import Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import ABSENT, Mask, Values, is_absent
from monitor.storage.blocks.block import EMPTY_PIECE, OnDamage
from monitor.storage.blocks.compaction import LazyPiece, SourceRows, without_empty_series
from monitor.storage.blocks.pieces import Piece
from monitor.storage.blocks.slab_codec import decode_timestamps, decode_values
from monitor.storage.deletion.tombstones import Tombstone, erase, erasures_of
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.head.source import CutChunk
from monitor.storage.journal.journal import slab_id_of
from monitor.storage.journal.slab_reader import SlabReader
from monitor.storage.reading.resolve import unite


@dataclass(frozen=True, slots=True, eq=False)
class SpanChunks:
    """The cut chunks of one source in a span."""

    key: str
    chunks: tuple[CutChunk, ...]


def chunks_of_span(head: Head, start_ms: int, end_ms: int) -> list[SpanChunks]:
    """The cut chunks of every source from `start_ms` inclusive to `end_ms` exclusive."""
    with head.state.lock:
        found = [
            SpanChunks(source.key, tuple(cut for cut in source.cut if start_ms <= cut.min_ms < end_ms))
            for source in head.state.sources.values()
        ]
    return [of_source for of_source in found if of_source.chunks]


def sources_of_span(
    head: Head, spans: list[SpanChunks], slabs: SlabReader, tombstones: Sequence[Tombstone], on_damage: OnDamage
) -> Iterator[SourceRows]:
    """Source by source. A chunk is decoded twice: once to see which series have samples, once to write it.

    `on_damage` is told of slabs that cannot be read; they are left out if it does not raise.
    """
    chunks = _ChunkReader(slabs, on_damage)
    for of_source in spans:
        yield _source_of_span(head, of_source, chunks, tombstones)


def _source_of_span(
    head: Head, of_source: SpanChunks, chunks: _ChunkReader, tombstones: Sequence[Tombstone]
) -> SourceRows:
    numbers = np.unique(np.concatenate([chunk.layout.numbers for chunk in of_source.chunks]))
    used = np.zeros(len(numbers), np.bool_)
    for chunk in of_source.chunks:
        places = np.searchsorted(numbers, chunk.layout.numbers)
        used[places] |= chunk.is_dense or chunks.used_columns(chunk)
    numbers = numbers[used]
    # A series that a restart or a pause made the head register anew has two numbers: in the block it has one.
    labels, (rows,) = unite([head.state.table.labels(numbers)])
    order = np.argsort(labels.column(METRIC_NAME).codes, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    labels = labels.take(order)
    erasures = erasures_of(tombstones, labels)

    def load(chunk: CutChunk) -> Piece:
        return erase(chunks.load(chunk, numbers, place[rows]), erasures, chunk.chunk_id)

    pieces = [
        LazyPiece(chunk.min_ms, chunk.max_ms, age, chunk.rows, partial(load, chunk))
        for age, chunk in enumerate(of_source.chunks)
    ]
    source = SourceRows(of_source.key, labels, pieces)
    return without_empty_series(source) if erasures else source


class _ChunkReader:
    """Cut chunks as matrices."""

    def __init__(self, slabs: SlabReader, on_damage: OnDamage) -> None:
        self._slabs = slabs
        self._on_damage = on_damage

    def used_columns(self, chunk: CutChunk) -> Mask:
        """Which columns have a sample, (C,)."""
        used = np.empty(len(chunk.layout.numbers), np.bool_)
        used[chunk.layout.order] = ~is_absent(self._matrix(chunk)).all(axis=1)
        return used

    def load(self, chunk: CutChunk, numbers: SeriesNumbers, rows_of_numbers: Rows) -> Piece:
        """The series among ascending `numbers`, as the rows that stand for them."""
        try:
            timestamps_ms = decode_timestamps(self._slabs.timestamps(chunk.chunk_id), chunk.rows)
        except CorruptData as error:
            self._on_damage(error)
            return EMPTY_PIECE
        mine = chunk.layout.numbers[chunk.layout.order]
        position = np.minimum(np.searchsorted(numbers, mine), len(numbers) - 1)
        known = np.flatnonzero(numbers[position] == mine)
        return Piece(rows_of_numbers[position[known]], timestamps_ms, self._matrix(chunk)[known], is_dense=False)

    def _matrix(self, chunk: CutChunk) -> Values:
        """All slabs of a chunk, (C, T), in the order of its layout's slabs."""
        return np.concatenate([self._slab(chunk, slab) for slab in range(chunk.layout.slabs)])

    def _slab(self, chunk: CutChunk, slab: int) -> Values:
        series = chunk.slab_series(slab)
        try:
            return decode_values(self._slabs.slab(slab_id_of(chunk.chunk_id, slab)), series, chunk.rows)
        except CorruptData as error:
            self._on_damage(error)
            return np.full((series, chunk.rows), ABSENT)
