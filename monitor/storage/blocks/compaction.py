"""From the journal to blocks, and from blocks to larger ones.

A block span that is over is sealed: everything the journal holds of it becomes one block. The blocks of a day that is
over are merged into one, as are blocks that overlap (late samples make such). Both work source by source and vector
by vector, so that memory is bounded by one source's rows, not by the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Mask, is_absent
from monitor.storage.blocks.block import Block, OnDamage, Vector, Wanted
from monitor.storage.blocks.block_writer import VECTOR_ROWS_MAX, BlockWriter
from monitor.storage.blocks.pieces import Piece, join_source
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.deletion.tombstones import Erasure, Tombstone, erase, erasures_of
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.reading.resolve import unite

MERGED_SPANS = (4, 12)
"""Blocks grow in steps: to this many spans, 8 hours and a day of two hours each."""
KEPT_BLOCKS_MIN = 10
"""A block goes as a whole: none is larger than this part of what is kept."""
JOINED_VALUES_MAX = 1 << 24
"""128 MiB of a source's rows are in memory at once, beyond JOINED_ROWS_MIN rows of it."""
JOINED_ROWS_MIN = 256
ALL_TIME_MS = (-(2**62), 2**62)
_NO_CACHE = SlabCache(0)


@dataclass(frozen=True, slots=True, eq=False)
class LazyPiece:
    """A piece of `rows` rows, read when its turn comes. Times are inclusive; see BlockMeta for `sequence`."""

    min_ms: int
    max_ms: int
    sequence: int
    rows: int
    load: Callable[[], Piece]


@dataclass(frozen=True, slots=True, eq=False)
class SourceRows:
    """One source: its label sets ordered by metric, and its pieces, whose rows are those sets."""

    key: str
    labels: LabelFrame
    pieces: Sequence[LazyPiece]


def write_sources(writer: BlockWriter, sources: Iterable[SourceRows]) -> None:
    for source in sources:
        if source.labels.size:
            rows_max = max(JOINED_ROWS_MIN, min(VECTOR_ROWS_MAX, JOINED_VALUES_MAX // source.labels.size))
            writer.add_source(source.key, source.labels, _joined(source.pieces, rows_max))


def _joined(pieces: Sequence[LazyPiece], rows_max: int) -> Iterator[Piece]:
    """The pieces joined to about `rows_max` rows each; pieces that overlap in time are joined in any case."""
    group: list[LazyPiece] = []
    end_ms, rows = ALL_TIME_MS[0], 0
    for piece in sorted(pieces, key=lambda piece: piece.min_ms):
        if group and rows >= rows_max and piece.min_ms > end_ms:
            yield from _join(group)
            group, rows = [], 0
        group.append(piece)
        rows += piece.rows
        end_ms = max(end_ms, piece.max_ms)
    yield from _join(group)


def _join(group: list[LazyPiece]) -> list[Piece]:
    pieces = (piece.load() for piece in sorted(group, key=lambda piece: piece.sequence))
    return join_source([piece for piece in pieces if piece.values.size])


@dataclass(frozen=True, slots=True, eq=False)
class BlockPart:
    """What of a block goes into a new one: all but the series `dropped` and what deletions took away.

    `on_damage` is told of slabs that cannot be read; they are left out if it does not raise.
    """

    block: Block
    dropped: SeriesNumbers
    on_damage: OnDamage


def sources_of_blocks(parts: Sequence[BlockPart], tombstones: Sequence[Tombstone]) -> Iterator[SourceRows]:
    """The sources of several blocks, each once, with the pieces of all of them."""
    positions: dict[str, list[tuple[BlockPart, int]]] = {}
    for part in parts:
        for position, key in enumerate(part.block.source_keys()):
            positions.setdefault(key, []).append((part, position))
    for key, found in positions.items():
        yield _source_of_blocks(key, found, tombstones)


def _source_of_blocks(key: str, found: Sequence[tuple[BlockPart, int]], tombstones: Sequence[Tombstone]) -> SourceRows:
    series = [np.setdiff1d(part.block.source_series(position), part.dropped) for part, position in found]
    labels, rows = unite([part.block.labels(numbers) for (part, _), numbers in zip(found, series, strict=True)])
    order = np.argsort(labels.column(METRIC_NAME).codes, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    labels = labels.take(order)
    erasures = erasures_of(tombstones, labels)
    pieces = []
    for (part, _), numbers, of_part in zip(found, series, rows, strict=True):
        wanted = Wanted(numbers, place[of_part], *ALL_TIME_MS)
        meta = part.block.meta
        pieces += [
            LazyPiece(
                vector.min_ms, vector.max_ms, meta.sequence, vector.rows, partial(_load, part, vector, wanted, erasures)
            )
            for vector in part.block.vectors(wanted)
        ]
    source = SourceRows(key, labels, pieces)
    return without_empty_series(source) if erasures else source


def _load(part: BlockPart, vector: Vector, wanted: Wanted, erasures: Sequence[Erasure]) -> Piece:
    return erase(part.block.load(vector, wanted, _NO_CACHE, part.on_damage), erasures, part.block.meta.erased)


def without_empty_series(source: SourceRows) -> SourceRows:
    """The same source without the series that have no sample. Each piece is read one time more."""
    used = np.zeros(source.labels.size, np.bool_)
    for lazy in source.pieces:
        piece = lazy.load()
        used[piece.rows] |= (~is_absent(np.ascontiguousarray(piece.values))).any(axis=1)
    place = np.cumsum(used) - 1
    pieces = [replace(lazy, load=partial(_used_part, lazy.load, used, place)) for lazy in source.pieces]
    return SourceRows(source.key, source.labels.take(used), pieces)


def _used_part(load: Callable[[], Piece], used: Mask, place: Rows) -> Piece:
    piece = load()
    kept = used[piece.rows]
    return replace(piece, rows=place[piece.rows[kept]], values=piece.values[kept])


def merged_periods_ms(span_ms: int, keep_ms: int) -> list[int]:
    """How long blocks become, in steps. A block goes as a whole: it is at most a tenth of `keep_ms`; 0 is for good."""
    periods_ms = [span_ms * spans for spans in MERGED_SPANS]
    return [period_ms for period_ms in periods_ms if not keep_ms or KEPT_BLOCKS_MIN * period_ms <= keep_ms]


def blocks_to_merge(
    blocks: Sequence[Block], periods_ms: Sequence[int], finished_ms: int, bytes_max: int
) -> list[Block]:
    """The next group of blocks that should become one; empty if there is none.

    First those that overlap, then those of a period that ended at or before `finished_ms`, in the order of
    `periods_ms`, unless they have more than `bytes_max` together.
    """
    ordered = sorted(blocks, key=lambda block: block.meta.min_ms)
    for group in _overlapping(ordered):
        if len(group) > 1:
            return group
    for period_ms in periods_ms:
        group = _of_one_period(ordered, period_ms, finished_ms, bytes_max)
        if group:
            return group
    return []


def neighbours_to_merge(blocks: Sequence[Block], span_ms_max: int, bytes_max: int) -> list[Block]:
    """The first two blocks that follow each other in time and together last at most `span_ms_max`, or none.

    Where nothing more is coming, the borders of periods would only cut what could be one block into two.
    """
    ordered = sorted(blocks, key=lambda block: block.meta.min_ms)
    for pair in pairwise(ordered):
        lasts_ms = pair[1].meta.max_ms - pair[0].meta.min_ms
        if lasts_ms < span_ms_max and sum(block.size_bytes for block in pair) <= bytes_max:
            return list(pair)
    return []


def _of_one_period(ordered: Sequence[Block], period_ms: int, finished_ms: int, bytes_max: int) -> list[Block]:
    """The blocks of the oldest period that ended at or before `finished_ms` and has several."""
    by_period: dict[int, list[Block]] = {}
    for block in ordered:
        # A block that crosses the border of two periods is as long as a period already.
        if block.meta.min_ms // period_ms == block.meta.max_ms // period_ms:
            by_period.setdefault(block.meta.min_ms // period_ms, []).append(block)
    groups = (group for period, group in by_period.items() if (period + 1) * period_ms <= finished_ms)
    several = (group for group in groups if len(group) > 1)
    return next((group for group in several if sum(block.size_bytes for block in group) <= bytes_max), [])


def _overlapping(ordered: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    end_ms = ALL_TIME_MS[0]
    for block in ordered:
        if group and block.meta.min_ms > end_ms:
            yield group
            group = []
        group.append(block)
        end_ms = max(end_ms, block.meta.max_ms)
    if group:
        yield group
