"""Sources that get no rows any more: targets that are gone, backfill that is over."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.storage.head.head import Head
from monitor.storage.head.source import Source

INTERVALS = 3
"""A source is late, not idle, for as many of its intervals."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How many rows a source had in memory, in which chunks, and since when on the wall clock."""

    rows: tuple[tuple[int, int], ...]
    since_ms: int


class IdleSources:
    """To be asked now and then by one thread."""

    def __init__(self, head: Head, idle_ms: int) -> None:
        self._head = head
        self._idle_ms = idle_ms
        self._seen: dict[int, _Seen] = {}

    def cut(self, now_ms: int) -> None:
        """Gives up the chunks of sources that got no row for `idle_ms`: the next commit makes slabs of them."""
        with self._head.state.lock:
            sources = list(self._head.state.sources.values())
            seen = {source.source_id: self._look(source, now_ms) for source in sources if source.has_rows_in_memory}
            for source in sources:
                if source.source_id in seen and self._is_idle(source, seen[source.source_id], now_ms):
                    source.give_up_chunks()
        self._seen = seen

    def _look(self, source: Source, now_ms: int) -> _Seen:
        rows = tuple((chunk.chunk_id, chunk.rows) for chunk in source.chunks())
        before = self._seen.get(source.source_id)
        return before if before is not None and before.rows == rows else _Seen(rows, now_ms)

    def _is_idle(self, source: Source, seen: _Seen, now_ms: int) -> bool:
        return now_ms - seen.since_ms >= max(self._idle_ms, INTERVALS * source.interval_ms)

    def spans_in_memory(self) -> set[int]:
        """The ends of the spans of which a source has rows in memory, other than those on their way into slabs."""
        with self._head.state.lock:
            chunks = [(source.chunk, source.late) for source in self._head.state.sources.values()]
        return {chunk.span_end_ms for pair in chunks for chunk in pair if chunk is not None}
