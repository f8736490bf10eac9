"""A consistent view of head and blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Timestamps, Values
from monitor.storage.blocks.block import Block, Wanted
from monitor.storage.blocks.pieces import Piece, clip, stripes_of
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.blocks.slab_codec import decode_timestamps, decode_values
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.head import Head
from monitor.storage.head.source import CutChunk
from monitor.storage.interfaces import Selection, Selector
from monitor.storage.journal.journal import SlabReader, slab_id_of
from monitor.storage.reading.resolve import LayoutMatch, ResolveCache, Resolved, SourceMatch, unite


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """The blocks, and the cut chunks that are in one of them although the head still has them."""

    blocks: tuple[Block, ...] = ()
    chunk_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class _MemoryPart:
    """Rows of a chunk in memory as they were when the reader looked."""

    layout: ChunkLayout
    timestamps_ms: Timestamps
    values: Values
    is_ordered: bool
    is_dense: bool


@dataclass(frozen=True, slots=True, eq=False)
class _SourceParts:
    key: str
    cut: list[CutChunk]
    memory: list[_MemoryPart]


class StoreReader:
    """See storage/interfaces.Reader. Made and ended by Store.reader; for one thread."""

    def __init__(
        self, head: Head, sealed: Sealed, slabs: SlabReader, cache: SlabCache, selections: ResolveCache
    ) -> None:
        self._head = head
        self._serial = head.state.serial
        self._blocks = sealed.blocks
        self._sealed_chunks = sealed.chunk_ids
        self._slabs = slabs
        self._cache = cache
        self._selections = selections

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        resolved, parts = self._resolve(selector, start_ms, end_ms)
        by_source: dict[str, list[Piece]] = {}
        for match in resolved.blocks:
            wanted = Wanted(match.numbers, match.rows, start_ms, end_ms)
            for key, piece in match.block.pieces(wanted, self._cache):
                by_source.setdefault(key, []).append(piece)
        for source_match, part in zip(resolved.sources, parts, strict=True):
            pieces = list(self._head_pieces(source_match, part, start_ms, end_ms))
            if pieces:
                by_source.setdefault(part.key, []).extend(pieces)
        return Selection(resolved.labels, stripes_of(by_source.values(), resolved.labels.size))

    def _resolve(self, selector: Selector, start_ms: int, end_ms: int) -> tuple[Resolved, list[_SourceParts]]:
        """What matches, and for each source of the head the rows that this reader sees."""
        state = self._head.state
        blocks = self._blocks_in(start_ms, end_ms)
        while True:
            table = state.table
            resolved = self._selections.get(selector, table, blocks)
            with state.lock:
                # Series numbers of an older table mean other series in today's layouts.
                if state.table is table:
                    return resolved, [self._parts(match, start_ms, end_ms) for match in resolved.sources]

    def _blocks_in(self, start_ms: int, end_ms: int) -> list[Block]:
        return [block for block in self._blocks if block.meta.max_ms >= start_ms and block.meta.min_ms <= end_ms]

    # The head.

    def _parts(self, match: SourceMatch, start_ms: int, end_ms: int) -> _SourceParts:
        source = self._head.state.sources.get(match.source_id)
        if source is None:
            return _SourceParts("", [], [])
        cut: list[CutChunk] = []
        if source.cut_max_ms >= start_ms:
            cut = [chunk for chunk in source.cut if chunk.max_ms >= start_ms and chunk.min_ms <= end_ms]
            if self._sealed_chunks:
                cut = [chunk for chunk in cut if chunk.chunk_id not in self._sealed_chunks]
        memory = []
        for chunk in source.chunks():
            rows = chunk.visible_rows(self._serial)
            if not rows or (chunk.ordered and (chunk.last_ms < start_ms or chunk.timestamps_ms[0] > end_ms)):
                continue
            part = _MemoryPart(
                chunk.layout, chunk.timestamps_ms[:rows], chunk.values, chunk.ordered, chunk.is_dense(rows)
            )
            memory.append(part)
        return _SourceParts(source.key, cut, memory)

    def _head_pieces(self, match: SourceMatch, parts: _SourceParts, start_ms: int, end_ms: int) -> Iterator[Piece]:
        for cut in parts.cut:
            in_layout = match.in_layout(cut.layout)
            if in_layout.slabs:
                yield clip(self._cut_piece(cut, in_layout), start_ms, end_ms)
        for part in parts.memory:
            in_layout = match.in_layout(part.layout)
            if in_layout.slabs:
                yield _memory_piece(part, in_layout, start_ms, end_ms)

    def _cut_piece(self, cut: CutChunk, match: LayoutMatch) -> Piece:
        timestamps_ms = self._cache.get((cut.chunk_id, -1), partial(self._timestamps, cut))
        parts = []
        for slab, wanted in match.slabs:
            values = self._cache.get((cut.chunk_id, slab), partial(self._values, cut, slab))
            parts.append(values if wanted is None else values[wanted])
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Piece(match.rows, timestamps_ms, values, cut.is_dense)

    def _timestamps(self, cut: CutChunk) -> Timestamps:
        return decode_timestamps(self._slabs.timestamps(cut.chunk_id), cut.rows)

    def _values(self, cut: CutChunk, slab: int) -> Values:
        series = int(cut.layout.starts[slab + 1] - cut.layout.starts[slab])
        return decode_values(self._slabs.slab(slab_id_of(cut.chunk_id, slab)), series, cut.rows)

    # Labels.

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        frames = []
        for selector in selectors or ((),):
            resolved, parts = self._resolve(selector, start_ms, end_ms)
            rows = [match.rows for match in resolved.blocks]
            rows += [_active_rows(match, part) for match, part in zip(resolved.sources, parts, strict=True)]
            active = np.unique(np.concatenate(rows)) if rows else np.empty(0, np.intp)
            frames.append(resolved.labels.take(active))
        return unite(frames)[0]

    def label_names(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]:
        """The names of all labels of the series that match any selector, sorted."""
        if selectors:
            return self.series(selectors, start_ms, end_ms).names()
        names = {name for block in self._blocks_in(start_ms, end_ms) for name in block.names()}
        return sorted(names | set(self._head.state.table.names()))

    def label_values(self, name: str, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]:
        """The values of one label over the series that match any selector, sorted."""
        if selectors:
            column = self.series(selectors, start_ms, end_ms).column(name)
            return sorted(column.values[code] for code in column.used().tolist() if code)
        values = {value for block in self._blocks_in(start_ms, end_ms) for value in block.values(name)}
        return sorted(values | set(self._head.state.table.values(name)))


def _active_rows(match: SourceMatch, parts: _SourceParts) -> Rows:
    layouts = {chunk.layout for chunk in parts.cut} | {part.layout for part in parts.memory}
    rows = [match.in_layout(layout).rows for layout in layouts]
    return np.concatenate(rows) if rows else np.empty(0, np.intp)


def _memory_piece(part: _MemoryPart, match: LayoutMatch, start_ms: int, end_ms: int) -> Piece:
    timestamps_ms = part.timestamps_ms
    if part.is_ordered:
        first, end = timestamps_ms.searchsorted((start_ms, end_ms + 1)).tolist()
        values = part.values[first:end, match.columns].T
        return Piece(match.rows, timestamps_ms[first:end], values, part.is_dense)
    inside = np.flatnonzero((timestamps_ms >= start_ms) & (timestamps_ms <= end_ms))
    values = part.values[inside][:, match.columns].T
    return Piece(match.rows, timestamps_ms[inside], values, part.is_dense, in_order=False)
