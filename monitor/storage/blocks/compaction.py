"""From the journal to blocks, and from blocks to larger ones.

A block span that is over is sealed: everything the journal holds of it becomes one block. The blocks of a day that is
over are merged into one, as are blocks that overlap (late samples make such). Both work source by source and vector
by vector, so that memory is bounded by one source's rows, not by the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.storage.blocks.block import Block, Wanted
from monitor.storage.blocks.block_writer import VECTOR_ROWS_MAX, BlockWriter
from monitor.storage.blocks.pieces import Piece, join_source
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.reading.resolve import unite

MERGED_SPANS = 12
"""A merged block reaches over this many spans: a day of two hours each."""
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
            writer.add_source(source.key, source.labels, _joined(source.pieces))


def _joined(pieces: Sequence[LazyPiece]) -> Iterator[Piece]:
    """The pieces joined to about VECTOR_ROWS_MAX rows each; pieces that overlap in time are joined in any case."""
    group: list[LazyPiece] = []
    end_ms, rows = ALL_TIME_MS[0], 0
    for piece in sorted(pieces, key=lambda piece: piece.min_ms):
        if group and rows >= VECTOR_ROWS_MAX and piece.min_ms > end_ms:
            yield from _join(group)
            group, rows = [], 0
        group.append(piece)
        rows += piece.rows
        end_ms = max(end_ms, piece.max_ms)
    yield from _join(group)


def _join(group: list[LazyPiece]) -> list[Piece]:
    return join_source([piece.load() for piece in sorted(group, key=lambda piece: piece.sequence)])


def sources_of_blocks(blocks: Sequence[Block]) -> Iterator[SourceRows]:
    """The sources of several blocks, each once, with the pieces of all of them."""
    positions: dict[str, list[tuple[Block, int]]] = {}
    for block in blocks:
        for position, key in enumerate(block.source_keys()):
            positions.setdefault(key, []).append((block, position))
    for key, found in positions.items():
        series = [block.source_series(position) for block, position in found]
        labels, rows = unite([block.labels(numbers) for (block, _), numbers in zip(found, series, strict=True)])
        order = np.argsort(labels.column(METRIC_NAME).codes, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        wanted = [Wanted(numbers, place[part], *ALL_TIME_MS) for numbers, part in zip(series, rows, strict=True)]
        pieces = [
            LazyPiece(
                vector.min_ms,
                vector.max_ms,
                block.meta.sequence,
                vector.rows,
                partial(block.load, vector, of_block, _NO_CACHE),
            )
            for (block, _), of_block in zip(found, wanted, strict=True)
            for vector in block.vectors(of_block)
        ]
        yield SourceRows(key, labels.take(order), pieces)


def blocks_to_merge(blocks: Sequence[Block], span_ms: int, now_ms: int) -> list[Block]:
    """The next group of blocks that should become one; empty if there is none.

    First those that overlap, then those of a finished period of MERGED_SPANS spans.
    """
    ordered = sorted(blocks, key=lambda block: block.meta.min_ms)
    for group in _overlapping(ordered):
        if len(group) > 1:
            return group
    period_ms = span_ms * MERGED_SPANS
    by_period: dict[int, list[Block]] = {}
    for block in ordered:
        by_period.setdefault(block.meta.min_ms // period_ms, []).append(block)
    for period, group in sorted(by_period.items()):
        if len(group) > 1 and (period + 1) * period_ms + span_ms <= now_ms:
            return group
    return []


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
