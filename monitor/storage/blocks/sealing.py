"""What the head has of a finished block span, as the sources of a block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Mask, Values, is_absent
from monitor.storage.blocks.compaction import LazyPiece, SourceRows
from monitor.storage.blocks.pieces import Piece
from monitor.storage.blocks.slab_codec import decode_timestamps, decode_values
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.head.source import CutChunk
from monitor.storage.journal.journal import SlabReader, slab_id_of
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


def sources_of_span(head: Head, spans: list[SpanChunks], slabs: SlabReader) -> Iterator[SourceRows]:
    """Source by source. A chunk is decoded twice: once to see which series have samples, once to write it."""
    for of_source in spans:
        numbers = np.unique(np.concatenate([chunk.layout.numbers for chunk in of_source.chunks]))
        used = np.zeros(len(numbers), np.bool_)
        for chunk in of_source.chunks:
            places = np.searchsorted(numbers, chunk.layout.numbers)
            used[places] |= chunk.is_dense or _used_columns(chunk, slabs)
        numbers = numbers[used]
        # A series that a restart or a pause made the head register anew has two numbers: in the block it has one.
        labels, (rows,) = unite([head.state.table.labels(numbers)])
        order = np.argsort(labels.column(METRIC_NAME).codes, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        pieces = [
            LazyPiece(chunk.min_ms, chunk.max_ms, age, chunk.rows, partial(_load, chunk, numbers, place[rows], slabs))
            for age, chunk in enumerate(of_source.chunks)
        ]
        yield SourceRows(of_source.key, labels.take(order), pieces)


def _used_columns(chunk: CutChunk, slabs: SlabReader) -> Mask:
    used = np.empty(len(chunk.layout.numbers), np.bool_)
    used[chunk.layout.order] = ~is_absent(_matrix(chunk, slabs)).all(axis=1)
    return used


def _matrix(chunk: CutChunk, slabs: SlabReader) -> Values:
    """All slabs of a chunk, (C, T), in the order of its layout's slabs."""
    layout: ChunkLayout = chunk.layout
    return np.concatenate(
        [
            decode_values(slabs.slab(slab_id_of(chunk.chunk_id, slab)), int(end - start), chunk.rows)
            for slab, (start, end) in enumerate(zip(layout.starts[:-1], layout.starts[1:], strict=True))
        ]
    )


def _load(chunk: CutChunk, numbers: SeriesNumbers, rows_of_numbers: Rows, slabs: SlabReader) -> Piece:
    timestamps_ms = decode_timestamps(slabs.timestamps(chunk.chunk_id), chunk.rows)
    mine = chunk.layout.numbers[chunk.layout.order]
    position = np.minimum(np.searchsorted(numbers, mine), len(numbers) - 1)
    known = np.flatnonzero(numbers[position] == mine)
    return Piece(rows_of_numbers[position[known]], timestamps_ms, _matrix(chunk, slabs)[known], chunk.is_dense)
