"""Periodic work on the store: sealing finished spans, merging blocks, retention, forgetting dead series."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_writer import BlockWriter
from monitor.storage.blocks.compaction import SourceRows, blocks_to_merge, sources_of_blocks, write_sources
from monitor.storage.blocks.sealing import chunks_of_span, sources_of_span
from monitor.storage.data_directory import DataDirectory
from monitor.storage.head.head import Head
from monitor.storage.journal.committer import Checkpoint, Committer
from monitor.storage.journal.journal import Journal, SlabReader, Transaction
from monitor.storage.reading.reader import Sealed
from monitor.storage.reading.readers import Readers

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    """
    seal_delay_ms        a span is sealed this long after its end, at the earliest
    seal_quiet_ms        and after no chunk of it was begun for so long: backfill is sealed once
    retention_ms         blocks this much older than the newest are deleted; 0 keeps all
    reader_wait_seconds  how long to wait for queries that read what is to be deleted
    """

    seal_delay_ms: int = 300_000
    seal_quiet_ms: int = 120_000
    retention_ms: int = 15 * 86_400_000
    reader_wait_seconds: float = 300.0


class Maintenance:
    """`run` does what is due. One thread at a time."""

    def __init__(
        self,
        directory: DataDirectory,
        head: Head,
        committer: Committer,
        readers: Readers,
        settings: MaintenanceSettings,
        checkpoint: Checkpoint,
    ) -> None:
        self._directory = directory
        self._head = head
        self._committer = committer
        self._readers = readers
        self._settings = settings
        self._checkpoint = checkpoint

    @property
    def _span_ms(self) -> int:
        return self._head.state.settings.block_span_ms

    def run(self, now_ms: int) -> None:
        """Everything that is due at `now_ms` on the wall clock."""
        for span_end_ms in self.due_spans(now_ms):
            self.seal(span_end_ms)
        while group := blocks_to_merge(self._readers.sealed.blocks, self._span_ms, now_ms):
            self.merge(group)
        self.delete_expired()

    def due_spans(self, now_ms: int) -> list[int]:
        """The ends of the spans that should be sealed now."""
        settings = self._settings
        return sorted(
            span_end_ms
            for span_end_ms, touched_ms in list(self._head.state.touched_ms.items())
            if span_end_ms + settings.seal_delay_ms <= now_ms and touched_ms + settings.seal_quiet_ms <= now_ms
        )

    def seal(self, span_end_ms: int) -> Path | None:
        """Makes a block of everything in the span that ends there; None if there is nothing."""
        state = self._head.state
        with state.lock:
            for source in list(state.sources.values()):
                source.cut_before(span_end_ms)
        self._committer.commit_once()
        spans = chunks_of_span(self._head, span_end_ms - self._span_ms, span_end_ms)
        path = None
        if spans:
            slabs = SlabReader(self._directory.journal)
            try:
                name = f"{span_end_ms - self._span_ms}-{span_end_ms}"
                meta: dict[str, object] = {"level": 1, "sequence": self._take_sequence(), "parents": []}
                path = self._write(name, sources_of_span(self._head, spans, slabs), meta)
            finally:
                slabs.close()
            sealed_chunks = frozenset(chunk.chunk_id for span in spans for chunk in span.chunks)
            self._checkpoint("seal: block written")
            self._hand_over(path, sealed_chunks)
        state.touched_ms.pop(span_end_ms, None)
        return path

    def _take_sequence(self) -> int:
        with self._head.state.lock:
            return self._head.state.take_id()

    def _write(self, span: str, sources: Iterable[SourceRows], meta: dict[str, object]) -> Path:
        path = self._directory.blocks / f"{span}-{uuid4().hex[:12]}.sqlite"
        writer = BlockWriter(path)
        try:
            write_sources(writer, sources)
            writer.finish(meta)
        except BaseException:
            writer.abandon()
            raise
        return path

    def _hand_over(self, path: Path, chunk_ids: frozenset[int]) -> None:
        """Readers go over to the block; then the journal and the head let go of what is in it."""
        before = self._readers.sealed
        self._publish(Sealed(in_sequence([*before.blocks, Block(path)]), before.chunk_ids | chunk_ids))
        transaction = Transaction(sealed_chunks=sorted(chunk_ids))
        self._committer.run_exclusively(lambda journal: journal.commit(transaction))
        self._checkpoint("seal: journal cleared")
        with self._head.state.lock:
            for source in self._head.state.sources.values():
                source.cut = [cut for cut in source.cut if cut.chunk_id not in chunk_ids]
        self._publish(replace(self._readers.sealed, chunk_ids=self._readers.sealed.chunk_ids - chunk_ids))
        self._committer.run_exclusively(self._forget)

    def _publish(self, sealed: Sealed) -> None:
        if not self._readers.publish(sealed, self._settings.reader_wait_seconds):
            logger.warning("a query has been reading for %s s, going on", self._settings.reader_wait_seconds)

    def _forget(self, journal: Journal) -> None:
        dead_sources = self._head.forget_idle_sources()
        dead_batches = self._head.forget_dead_series()
        journal.commit(Transaction(dead_batches=dead_batches, dead_sources=dead_sources))

    def merge(self, blocks: list[Block]) -> None:
        """Makes one block of several."""
        span = f"{min(block.meta.min_ms for block in blocks)}-{max(block.meta.max_ms for block in blocks)}"
        meta: dict[str, object] = {
            "level": max(block.meta.level for block in blocks) + 1,
            "sequence": min(block.meta.sequence for block in blocks),
            "parents": [block.block_id for block in blocks],
        }
        path = self._write(span, sources_of_blocks(blocks), meta)
        self._checkpoint("merge: block written")
        before = self._readers.sealed
        kept = [block for block in before.blocks if block not in blocks]
        self._publish(replace(before, blocks=in_sequence([*kept, Block(path)])))
        self._delete(blocks)

    def delete_expired(self) -> None:
        """Retention: blocks that end too long before the newest block's end."""
        before = self._readers.sealed
        if not self._settings.retention_ms or not before.blocks:
            return
        horizon_ms = max(block.meta.max_ms for block in before.blocks) - self._settings.retention_ms
        expired = [block for block in before.blocks if block.meta.max_ms < horizon_ms]
        if expired:
            self._publish(replace(before, blocks=tuple(block for block in before.blocks if block not in expired)))
            self._delete(expired)

    def _delete(self, blocks: list[Block]) -> None:
        for block in blocks:
            block.close()
            block.path.unlink()


def in_sequence(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Blocks in the order in which their samples came, which is the order they are read in."""
    return tuple(sorted(blocks, key=lambda block: block.meta.sequence))
