"""What of the sources of the head a reader sees."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from monitor.model.samples import Timestamps, Values
from monitor.storage.head.chunk import Chunk, ChunkLayout
from monitor.storage.head.source import CutChunk, Source


class MemoryPart(NamedTuple):
    """Rows of a chunk in memory as they were when the reader looked; `is_whole` if they were all of them."""

    layout: ChunkLayout
    timestamps_ms: Timestamps
    values: Values
    is_ordered: bool
    is_dense: bool
    is_whole: bool


class SourceParts(NamedTuple):
    """`version` is the source's own; -1 stands for no source."""

    key: str
    version: int
    cut: Sequence[CutChunk]
    memory: Sequence[MemoryPart]


NO_PARTS = SourceParts("", -1, (), ())


class HeadView(NamedTuple):
    """As much of the head as a reader may see: appends up to `serial`, and cut chunks that are not `sealed`.

    The head's lock is held while it is looked at.
    """

    sources: Mapping[int, Source]
    serial: int
    sealed: Container[int]

    def parts(self, source_id: int, start_ms: int, end_ms: int) -> SourceParts:
        """What a source may have from `start_ms` to `end_ms`, both inclusive."""
        source = self.sources.get(source_id)
        if source is None:
            return NO_PARTS
        cut: list[CutChunk] = []
        if source.cut_max_ms >= start_ms:
            cut = [chunk for chunk in source.cut if chunk.max_ms >= start_ms and chunk.min_ms <= end_ms]
            if self.sealed:
                cut = [chunk for chunk in cut if chunk.chunk_id not in self.sealed]
        return SourceParts(source.key, source.version, cut, list(self._memory(source, start_ms, end_ms)))

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
