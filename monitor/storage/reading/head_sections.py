"""Sections of the sources of the head: runs of cut chunks, and the rows in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.samples import Timestamps, Values
from monitor.storage.blocks.sections import Section
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.blocks.slab_codec import decode_timestamps, decode_values
from monitor.storage.head.source import CutChunk
from monitor.storage.journal.journal import slab_id_of
from monitor.storage.journal.slab_reader import SlabReaders
from monitor.storage.reading.resolve import LayoutMatch, MatchedRun, SourceMatch
from monitor.storage.reading.source_parts import MemoryPart, SourceParts

TIMESTAMPS = -1
"""Where the number of a slab would stand in a key of the cache."""


class HeadSections:
    """Makes sections, which any thread may read."""

    def __init__(self, slabs: SlabReaders, cache: SlabCache) -> None:
        self._slabs = slabs
        self._cache = cache

    def of_source(self, match: SourceMatch, parts: SourceParts) -> list[Section | None]:
        """The source's sections in time order; None for what is in no order. Raises CorruptData."""
        sections: list[Section | None] = [*self.of_cut(match, parts.cut)]
        for part in parts.memory:
            in_layout = match.in_layout(part.layout)
            if in_layout.slabs:
                sections.append(_of_memory(part, in_layout))
        return sections

    def of_cut(self, match: SourceMatch, cut: Sequence[CutChunk]) -> list[Section]:
        """Those of cut chunks alone. Raises CorruptData."""
        return [self._of_run(run) for run in match.matched_runs(cut)] if cut else []

    def _of_run(self, run: MatchedRun) -> Section:
        timestamps_ms = self._cache.get((run.key, TIMESTAMPS), partial(self._timestamps, run.chunks))
        return Section(run.match.rows, timestamps_ms, partial(self._fill, run), run.is_dense)

    def _timestamps(self, run: Sequence[CutChunk]) -> Timestamps:
        parts = [decode_timestamps(self._slabs.mine().timestamps(chunk.chunk_id), chunk.rows) for chunk in run]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _fill(self, run: MatchedRun, first: int, end: int, values: Values) -> None:
        row = 0
        for slab, wanted in run.match.slabs:
            packed = self._cache.get_packed((run.key, slab), partial(self._values, run.chunks, slab))
            stop = row + (len(packed) if wanted is None else len(wanted))
            values[row:stop] = packed[:, first:end] if wanted is None else packed[wanted, first:end]
            row = stop

    def _values(self, run: Sequence[CutChunk], slab: int) -> Values:
        series = run[0].slab_series(slab)
        blobs = self._slabs.mine().slabs([slab_id_of(chunk.chunk_id, slab) for chunk in run])
        if len(run) == 1:
            return decode_values(blobs[0], series, run[0].rows)
        values = np.empty((series, sum(chunk.rows for chunk in run)))
        position = 0
        for chunk, blob in zip(run, blobs, strict=True):
            values[:, position : position + chunk.rows] = decode_values(blob, series, chunk.rows)
            position += chunk.rows
        return values


def _of_memory(part: MemoryPart, match: LayoutMatch) -> Section | None:
    if not part.is_ordered:
        return None
    fill = partial(_fill_from_memory, part.values, match.columns)
    return Section(match.rows, part.timestamps_ms, fill, part.is_dense)


def _fill_from_memory(rows: Values, columns: Rows | slice, first: int, end: int, values: Values) -> None:
    values[:] = rows[first:end, columns].T
