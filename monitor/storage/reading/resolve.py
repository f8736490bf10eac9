"""Label work of a selection: which series of the head and of each block match, and which of them are the same.

It is done once and kept as long as neither the head's series nor the blocks change, so a query asked again finds the
same LabelFrame object: what was derived from it elsewhere by identity stays good as well.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Mask
from monitor.storage.blocks.block import Block
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.series_table import SeriesNumbers, SeriesTable
from monitor.storage.head.source import CutChunk
from monitor.storage.interfaces import Selector

RUN_CHUNKS_MAX = 16
"""Chunks that are kept in the cache as one array, so that a long range takes one look for each source."""


@dataclass(frozen=True, slots=True, eq=False)
class LayoutMatch:
    """The columns of a layout that belong to a selection, in the order of its slabs.

    `rows` (R,) are the selection's rows, `columns` the layout's columns (a slice where they are consecutive);
    `slabs` lists (slab, rows of that slab that are wanted or None for all).
    """

    rows: Rows
    columns: Rows | slice
    slabs: tuple[tuple[int, Rows | None], ...]


class MatchedRun:
    """Chunks of one layout that follow each other in time, and which of their series are meant."""

    __slots__ = ("chunks", "is_dense", "key", "match")

    def __init__(self, chunks: Sequence[CutChunk], match: LayoutMatch) -> None:
        self.chunks = chunks
        self.match = match
        self.is_dense = all(chunk.is_dense for chunk in chunks)
        # A chunk may be sealed and so be missing between the same two others: the number of chunks tells.
        self.key = (chunks[0].chunk_id, chunks[-1].chunk_id, len(chunks))


def runs_of(chunks: Sequence[CutChunk]) -> Iterator[Sequence[CutChunk]]:
    """At most RUN_CHUNKS_MAX chunks each."""
    start = 0
    for position in range(1, len(chunks) + 1):
        is_end = position == len(chunks) or position - start == RUN_CHUNKS_MAX
        if is_end or not _follows(chunks[position], chunks[position - 1]):
            yield chunks[start:position]
            start = position


def _follows(chunk: CutChunk, before: CutChunk) -> bool:
    return chunk.layout is before.layout and chunk.min_ms > before.max_ms


@dataclass(frozen=True, slots=True, eq=False)
class SourceMatch:
    """The matched series of one source of the head: ascending series numbers and the selection's rows."""

    source_id: int
    numbers: SeriesNumbers
    rows: Rows
    layouts: WeakKeyDictionary[ChunkLayout, LayoutMatch] = field(default_factory=WeakKeyDictionary)
    latest: list[tuple[ChunkLayout, LayoutMatch]] = field(default_factory=list)
    """The layout asked for last, or none: as a rule it is asked for again, and a weak dictionary takes its time."""

    runs: list[tuple[object, Sequence[MatchedRun]]] = field(default_factory=list)
    """What cut chunks were last found to be, by their first, their last and their number; or nothing."""

    def matched_runs(self, chunks: Sequence[CutChunk]) -> Sequence[MatchedRun]:
        """The runs of cut chunks (not empty) that have series of the selection, in time order."""
        key = (chunks[0].chunk_id, chunks[-1].chunk_id, len(chunks))
        for known, runs in self.runs:
            if known == key:
                return runs
        found = [MatchedRun(run, self.in_layout(run[0].layout)) for run in runs_of(chunks)]
        matched = tuple(run for run in found if run.match.slabs)
        self.runs[:] = [(key, matched)]
        return matched

    def in_layout(self, layout: ChunkLayout) -> LayoutMatch:
        for known, match in self.latest:
            if known is layout:
                return match
        found = self.layouts.get(layout)
        if found is None:
            found = self.layouts[layout] = match_layout(layout, self.numbers, self.rows)
        self.latest[:] = [(layout, found)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class BlockMatch:
    """The matched series of one block: ascending series numbers and the selection's rows."""

    block: Block
    numbers: SeriesNumbers
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """S different label sets, and where their samples may be."""

    labels: LabelFrame
    sources: tuple[SourceMatch, ...]
    blocks: tuple[BlockMatch, ...]


def match_layout(layout: ChunkLayout, numbers: SeriesNumbers, rows: Rows) -> LayoutMatch:
    found, columns = layout.columns_of(numbers)
    if len(columns) == 1:
        return _match_column(layout, rows[found], int(columns[0]))
    places = layout.slab_places()[columns]
    order = np.argsort(places)
    found, columns, places = found[order], columns[order], places[order]
    slab = np.searchsorted(layout.starts, places, side="right") - 1
    bounds = [*np.flatnonzero(np.diff(slab, prepend=-1)).tolist(), len(slab)]
    slabs = []
    for start, end in pairwise(bounds):
        number = int(slab[start])
        first, stop = layout.starts[number : number + 2]
        is_whole = end - start == stop - first
        slabs.append((number, None if is_whole else places[start:end] - first))
    return LayoutMatch(rows[found], _as_slice(columns), tuple(slabs))


def _match_column(layout: ChunkLayout, rows: Rows, column: int) -> LayoutMatch:
    """A query for one series of each of thousands of targets asks every layout for one column."""
    place = int((layout.order == column).argmax())
    slab = int(layout.starts.searchsorted(place, side="right")) - 1
    first, stop = layout.starts[slab : slab + 2].tolist()
    wanted = None if stop - first == 1 else np.array([place - first])
    return LayoutMatch(rows, slice(column, column + 1), ((slab, wanted),))


def _as_slice(columns: Rows) -> Rows | slice:
    if len(columns) and bool((np.diff(columns) == 1).all()):
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def resolve(selector: Selector, table: SeriesTable, blocks: Sequence[Block]) -> Resolved:
    """Asks the label indexes."""
    numbers = [table.select(selector), *(block.select(selector) for block in blocks)]
    frames = [table.labels(numbers[0])]
    frames += [block.labels(found) for block, found in zip(blocks, numbers[1:], strict=True)]
    labels, rows = unite(frames)
    sources = _by_source(table, numbers[0], rows[0])
    matches = zip(blocks, numbers[1:], rows[1:], strict=True)
    return Resolved(labels, sources, tuple(BlockMatch(*match) for match in matches if len(match[1])))


def narrowed(resolved: Resolved, is_chosen: Mask) -> Resolved:
    """The same label sets, of which only those that are chosen (S,) have samples. As many sources as before."""
    sources = []
    for source in resolved.sources:
        kept = is_chosen[source.rows]
        sources.append(SourceMatch(source.source_id, source.numbers[kept], source.rows[kept]))
    blocks = []
    for block in resolved.blocks:
        kept = is_chosen[block.rows]
        if kept.any():
            blocks.append(BlockMatch(block.block, block.numbers[kept], block.rows[kept]))
    return Resolved(resolved.labels, tuple(sources), tuple(blocks))


def unite(frames: Sequence[LabelFrame]) -> tuple[LabelFrame, list[Rows]]:
    """The different label sets of several frames, and for each frame which of them its sets are."""
    together = LabelFrame.concat(frames)
    grouping = together.group()
    ends = np.cumsum([frame.size for frame in frames])
    rows = np.split(grouping.group, ends[:-1])
    return (together if grouping.size == together.size else together.take(grouping.first)), rows


def _by_source(table: SeriesTable, numbers: SeriesNumbers, rows: Rows) -> tuple[SourceMatch, ...]:
    position, of_source = 0, dict[int, list[tuple[SeriesNumbers, Rows]]]()
    for batch, part in table.split(numbers):
        of_source.setdefault(batch.source_id, []).append((part, rows[position : position + len(part)]))
        position += len(part)
    return tuple(
        SourceMatch(source_id, _joined([part for part, _ in parts]), _joined([row for _, row in parts]))
        for source_id, parts in of_source.items()
    )


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    table: SeriesTable
    version: int
    resolved: Resolved


class ResolveCache:
    """The most recently used selections. Safe for several threads."""

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: OrderedDict[tuple[Selector, tuple[str, ...]], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, selector: Selector, table: SeriesTable, blocks: Sequence[Block]) -> Resolved:
        key = (selector, tuple(block.block_id for block in blocks))
        version = table.version
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.table is table and entry.version == version:
                self._entries.move_to_end(key)
                return entry.resolved
        resolved = resolve(selector, table, blocks)
        with self._lock:
            self._entries[key] = _Entry(table, version, resolved)
            self._entries.move_to_end(key)
            while len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
        return resolved

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
