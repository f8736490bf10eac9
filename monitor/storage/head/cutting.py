"""From a full chunk to slabs: columns grouped by metric, each group one encoded matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.model.label_frame import run_bounds
from monitor.model.samples import Timestamps, Values, has_gaps
from monitor.storage.blocks.slab_codec import encode_timestamps, encode_values
from monitor.storage.head.chunk import Chunk, merge_rows
from monitor.storage.head.source import CutChunk
from monitor.storage.journal.journal import CutChunkRow, Slab, slab_id_of


@dataclass(frozen=True, slots=True)
class EncodedCut:
    """A cut chunk for memory, its row and its slabs for the journal database."""

    cut: CutChunk
    row: CutChunkRow
    slabs: list[Slab]


def encode_cuts(chunk: Chunk, series: bytes, span_ms: int, take_id: Callable[[], int]) -> list[EncodedCut]:
    """The chunk's rows as cut chunks, one for each block span they reach into; an ordered chunk is in one.

    `series` are its columns as runs.
    """
    timestamps_ms, values = chunk.timestamps_ms[: chunk.rows], chunk.values[: chunk.rows]
    by_slab = np.ascontiguousarray(values[:, chunk.layout.order].T)
    if not chunk.ordered:
        timestamps_ms, by_slab = merge_rows(timestamps_ms, by_slab)
    return [
        _encode_cut(chunk, series, timestamps_ms[start:end], by_slab[:, start:end], take_id())
        for start, end in _spans(timestamps_ms, span_ms)
    ]


def _spans(timestamps_ms: Timestamps, span_ms: int) -> Iterator[tuple[int, int]]:
    yield from pairwise(run_bounds(timestamps_ms // span_ms))


def _encode_cut(chunk: Chunk, series: bytes, timestamps_ms: Timestamps, by_slab: Values, chunk_id: int) -> EncodedCut:
    layout = chunk.layout
    is_dense, slabs = True, []
    for slab in range(layout.slabs):
        values = np.ascontiguousarray(by_slab[layout.starts[slab] : layout.starts[slab + 1]])
        is_dense = is_dense and not has_gaps(values)
        slabs.append(Slab(slab_id_of(chunk_id, slab), encode_values(values)))
    cut = CutChunk(chunk_id, layout, len(timestamps_ms), int(timestamps_ms[0]), int(timestamps_ms[-1]), is_dense)
    row = CutChunkRow(
        chunk_id,
        chunk.source_id,
        series,
        cut.rows,
        cut.min_ms,
        cut.max_ms,
        is_dense,
        encode_timestamps(timestamps_ms),
    )
    return EncodedCut(cut, row, slabs)
