"""Periodic work on the store: sealing finished spans, merging blocks, retention, forgetting dead series."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_set import BlockSet, in_sequence
from monitor.storage.blocks.compaction import (
    ALL_TIME_MS,
    KEPT_BLOCKS_MIN,
    blocks_to_merge,
    merged_periods_ms,
    neighbours_to_merge,
)
from monitor.storage.blocks.retention import Retention, RetentionRule
from monitor.storage.blocks.rewriting import BlockRewriter
from monitor.storage.blocks.sealing import chunks_of_span, sources_of_span
from monitor.storage.data_directory import DataDirectory
from monitor.storage.deletion.tombstones import Tombstone, Tombstones
from monitor.storage.head.head import Head
from monitor.storage.head.idle_sources import IdleSources
from monitor.storage.journal.committer import Checkpoint, Committer
from monitor.storage.journal.journal import Journal, Transaction
from monitor.storage.journal.slab_reader import SlabReaders
from monitor.storage.reading.reader import Sealed


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    """
    seal_delay_ms        a span is sealed this long after its end, at the earliest
    seal_quiet_ms        and after no chunk of it was begun for so long: backfill is sealed once
    idle_ms              the rows of a source that got none for so long, and for three of its intervals, become slabs;
                         a span of which all sources are idle is sealed before its end
    retention_ms         blocks this much older than the newest are deleted; 0 keeps all
    retention_rules      series with an age of their own; the first rule that matches counts
    retention_bytes      blocks and journal together; the oldest blocks are deleted first; 0 is no limit
    retention_disk_percentage   the same as a part of the disk; 0 is no limit
    reader_wait_seconds  how long to wait for queries that read what is to be deleted
    """

    seal_delay_ms: int = 300_000
    seal_quiet_ms: int = 60_000
    idle_ms: int = 90_000
    retention_ms: int = 15 * 86_400_000
    retention_rules: tuple[RetentionRule, ...] = ()
    retention_bytes: int = 0
    retention_disk_percentage: float = 0.0
    reader_wait_seconds: float = 300.0

    @property
    def retention(self) -> Retention:
        return Retention(self.retention_ms, self.retention_rules, self.retention_bytes, self.retention_disk_percentage)


ALL_BYTES = 2**62


class Maintenance:
    """`run` does what is due. Callers from several threads take turns."""

    def __init__(
        self,
        directory: DataDirectory,
        head: Head,
        committer: Committer,
        slab_readers: SlabReaders,
        block_set: BlockSet,
        tombstones: Tombstones,
        settings: MaintenanceSettings,
        checkpoint: Checkpoint,
    ) -> None:
        self._head = head
        self._committer = committer
        self._slab_readers = slab_readers
        self._block_set = block_set
        self._tombstones = tombstones
        self._settings = settings
        self._checkpoint = checkpoint
        self._rewriter = BlockRewriter(directory, block_set, head.state, committer, tombstones, checkpoint)
        self._idle = IdleSources(head, settings.idle_ms)
        self._turn = threading.RLock()

    @property
    def _span_ms(self) -> int:
        return self._head.state.settings.block_span_ms

    def stop(self) -> None:
        """Gives up the block that is being written, if any, and all later ones: a stop does not wait for a merge."""
        self._block_set.is_stopping = True

    def run(self, now_ms: int) -> None:
        """Everything that is due at `now_ms` on the wall clock."""
        with self._turn:
            self._mend_damaged()
            self._idle.cut(now_ms)
            for span_end_ms in self.due_spans(now_ms):
                self.seal(span_end_ms)
            self._merge(now_ms)
            self._rewriter.expire(now_ms, self._settings.retention)
            self._rewriter.drop_tombstones()
            self._committer.run_exclusively(self._tidy)

    def _tidy(self, journal: Journal) -> None:
        if self._is_store_idle and journal.may_rest():
            with self._slab_readers.set_aside():
                journal.rest()
        else:
            journal.shrink()

    @property
    def _is_store_idle(self) -> bool:
        """Whether nothing is outside of blocks, and nothing more is coming as far as anybody knows."""
        return not self._head.state.touched_ms

    def _merge(self, now_ms: int) -> None:
        while group := self._next_merge(now_ms):
            self._rewriter.merge(group)

    def _next_merge(self, now_ms: int) -> list[Block]:
        """Late samples of a finished period may come for one more span, unless the store is idle."""
        retention = self._settings.retention
        periods_ms = merged_periods_ms(self._span_ms, retention.shortest_ms)
        bytes_max = self._rewriter.limit_bytes(retention) // KEPT_BLOCKS_MIN or ALL_BYTES
        blocks, is_idle = self._block_set.blocks, self._is_store_idle
        finished_ms = ALL_TIME_MS[1] if is_idle else now_ms - self._span_ms
        group = blocks_to_merge(blocks, periods_ms, finished_ms, bytes_max)
        if not group and is_idle and periods_ms:
            return neighbours_to_merge(blocks, periods_ms[-1], bytes_max)
        return group

    def clean_tombstones(self) -> None:
        """Writes every block anew that has samples in it which were deleted."""
        with self._turn:
            self._rewriter.clean_tombstones()

    def _mend_damaged(self) -> None:
        for block in self._block_set.blocks:
            if block.damage:
                self._rewriter.mend(block)

    def due_spans(self, now_ms: int) -> list[int]:
        """The ends of the spans that should be sealed now."""
        settings = self._settings
        in_memory = self._idle.spans_in_memory()
        return sorted(
            span_end_ms
            for span_end_ms, touched_ms in list(self._head.state.touched_ms.items())
            if span_end_ms not in in_memory
            or (span_end_ms + settings.seal_delay_ms <= now_ms and touched_ms + settings.seal_quiet_ms <= now_ms)
        )

    def seal(self, span_end_ms: int) -> Path | None:
        """Makes a block of everything in the span that ends there; None if there is nothing."""
        with self._turn:
            return self._seal(span_end_ms)

    def _seal(self, span_end_ms: int) -> Path | None:
        state = self._head.state
        with state.lock:
            for source in list(state.sources.values()):
                source.cut_before(span_end_ms)
        self._committer.commit_once()
        spans = chunks_of_span(self._head, span_end_ms - self._span_ms, span_end_ms)
        path = None
        if spans:
            slabs = self._slab_readers.mine()
            try:
                name = f"{span_end_ms - self._span_ms}-{span_end_ms}"
                sequence, tombstones = self._take_sequence()
                # Later deletions have greater numbers: they hold for the block as a whole.
                meta: dict[str, object] = {"level": 1, "sequence": sequence, "erased": sequence, "parents": []}
                sources = sources_of_span(self._head, spans, slabs, tombstones, self._block_set.damages.note)
                path = self._block_set.write(name, sources, meta)
            finally:
                slabs.close()
            sealed_chunks = frozenset(chunk.chunk_id for span in spans for chunk in span.chunks)
            self._checkpoint("seal: block written")
            self._hand_over(path, sealed_chunks)
        state.touched_ms.pop(span_end_ms, None)
        return path

    def _take_sequence(self) -> tuple[int, tuple[Tombstone, ...]]:
        """A new block's number, and all deletions of lower numbers."""
        with self._head.state.lock:
            return self._head.state.take_id(), self._tombstones.entries

    def _hand_over(self, path: Path | None, chunk_ids: frozenset[int]) -> None:
        """Readers go over to the block; then the journal and the head let go of what is in it."""
        new = [] if path is None else [Block(path)]
        self._block_set.publish(
            lambda before: Sealed(in_sequence([*before.blocks, *new]), before.chunk_ids | chunk_ids)
        )
        transaction = Transaction(sealed_chunks=sorted(chunk_ids))
        self._committer.run_exclusively(lambda journal: journal.commit(transaction))
        self._checkpoint("seal: journal cleared")
        with self._head.state.lock:
            for source in self._head.state.sources.values():
                source.cut = [cut for cut in source.cut if cut.chunk_id not in chunk_ids]
        self._block_set.publish(lambda before: replace(before, chunk_ids=before.chunk_ids - chunk_ids))
        self._committer.run_exclusively(self._forget)

    def _forget(self, journal: Journal) -> None:
        dead_sources = self._head.forget_idle_sources()
        dead_batches = self._head.forget_dead_series()
        journal.commit(Transaction(dead_batches=dead_batches, dead_sources=dead_sources))
