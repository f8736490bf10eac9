"""What of the sources of the head a reader sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from monitor.model.samples import Timestamps, Values
from monitor.storage.head.chunk import Chunk, ChunkLayout
from monitor.storage.head.head_state import BEFORE_ALL_MS
from monitor.storage.head.source import CutChunk, Source


class MemoryPart(NamedTuple):
    """Rows of a chunk in memory as they were when the reader looked; `is_whole` if they were all of them."""

    layout: ChunkLayout
    timestamps_ms: Timestamps
    values: Values
    is_ordered: bool
    is_dense: bool
    is_whole: bool


class Reach(NamedTuple):
    """The times for which the cut chunks of a source that are looked at are the same ones.

    They are while the start is after `since_ms`, but not after `until_ms`, and the end not before `end_from_ms`.
    """

    since_ms: int
    until_ms: int
    end_from_ms: int

    @classmethod
    def around(cls, cut: Sequence[CutChunk], start_ms: int) -> Reach:
        """Of a window that starts at `start_ms`, given all cut chunks of a source."""
        return cls(
            max((chunk.max_ms for chunk in cut if chunk.max_ms < start_ms), default=BEFORE_ALL_MS),
            min((chunk.max_ms for chunk in cut if chunk.max_ms >= start_ms), default=-BEFORE_ALL_MS),
            max((chunk.min_ms for chunk in cut), default=BEFORE_ALL_MS),
        )

    def covers(self, start_ms: int, end_ms: int) -> bool:
        return self.since_ms < start_ms <= self.until_ms and self.end_from_ms <= end_ms


class SourceParts(NamedTuple):
    """`version` is the source's own; -1 stands for no source."""

    key: str
    version: int
    reach: Reach
    cut: Sequence[CutChunk]
    memory: Sequence[MemoryPart]

    @property
    def is_empty(self) -> bool:
        return not self.cut and not self.memory


NOWHERE = Reach(0, 0, 0)
"""Covers no time: what was seen of a source holds for no other query."""
NO_PARTS = SourceParts("", -1, NOWHERE, (), ())


class HeadView(NamedTuple):
    """As much of the head as a reader may see: appends up to `serial`, and cut chunks that are not `sealed`.

    The head's lock is held while it is looked at.
    """

    sources: Mapping[int, Source]
    serial: int
    sealed: frozenset[int]

    def parts(self, source_id: int, start_ms: int, end_ms: int) -> SourceParts:
        """What a source may have from `start_ms` to `end_ms`, both inclusive."""
        source = self.sources.get(source_id)
        if source is None:
            return NO_PARTS
        reach = Reach(source.cut_max_ms, -BEFORE_ALL_MS, BEFORE_ALL_MS)
        cut: list[CutChunk] = []
        if source.cut_max_ms >= start_ms:
            reach = Reach.around(source.cut, start_ms)
            cut = [chunk for chunk in source.cut if chunk.max_ms >= start_ms and chunk.min_ms <= end_ms]
            if self.sealed:
                cut = [chunk for chunk in cut if chunk.chunk_id not in self.sealed]
        if source.cutting or source.late is not None:
            reach = NOWHERE  # another time may need chunks in memory that this one does not
        return SourceParts(source.key, source.version, reach, cut, list(self._memory(source, start_ms, end_ms)))

    def _memory(self, source: Source, start_ms: int, end_ms: int) -> Iterator[MemoryPart]:
        chunks = source.chunks() if source.cutting or source.late is not None else (source.chunk,)
        for chunk in chunks:
            if chunk is not None:
                part = self._rows(chunk)
                times_ms = part.timestamps_ms
                if len(times_ms) and not (part.is_ordered and (times_ms[-1] < start_ms or times_ms[0] > end_ms)):
                    yield part

    def _rows(self, chunk: Chunk) -> MemoryPart:
        rows = chunk.visible_rows(self.serial)
        times_ms = chunk.timestamps_ms[:rows]
        return MemoryPart(chunk.layout, times_ms, chunk.values, chunk.ordered, chunk.is_dense(rows), rows == chunk.rows)
