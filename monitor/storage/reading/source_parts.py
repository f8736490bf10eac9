"""What of one source of the head a reader sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitor.model.samples import Timestamps, Values
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.source import CutChunk


class MemoryPart(NamedTuple):
    """Rows of a chunk in memory as they were when the reader looked."""

    layout: ChunkLayout
    timestamps_ms: Timestamps
    values: Values
    is_ordered: bool
    is_dense: bool


class SourceParts(NamedTuple):
    key: str
    cut: Sequence[CutChunk]
    memory: Sequence[MemoryPart]
