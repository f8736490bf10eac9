"""Blocks from blocks: merging, what retention takes out of them, and deletions applied for good."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.errors import CorruptData
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_set import BlockSet, spans_of
from monitor.storage.blocks.compaction import BlockPart, sources_of_blocks
from monitor.storage.blocks.retention import Retention, blocks_over_size, expired_series
from monitor.storage.data_directory import DataDirectory
from monitor.storage.deletion.tombstones import Tombstone, Tombstones
from monitor.storage.head.head_state import HeadState
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.journal.committer import Checkpoint, Committer
from monitor.storage.journal.journal import Transaction

_NO_SERIES: SeriesNumbers = np.empty(0, np.uint32)


class BlockRewriter:
    """One thread at a time."""

    def __init__(
        self,
        directory: DataDirectory,
        block_set: BlockSet,
        state: HeadState,
        committer: Committer,
        tombstones: Tombstones,
        checkpoint: Checkpoint,
    ) -> None:
        self._directory = directory
        self._block_set = block_set
        self._state = state
        self._committer = committer
        self._tombstones = tombstones
        self._checkpoint = checkpoint

    def merge(self, blocks: Sequence[Block]) -> None:
        """Makes one block of several."""
        self._rewrite(blocks, {}, max(block.meta.level for block in blocks) + 1)
        self.drop_tombstones()

    def _rewrite(
        self,
        blocks: Sequence[Block],
        dropped: Mapping[Block, SeriesNumbers],
        level: int,
        *,
        is_damaged: bool = False,
    ) -> None:
        """Puts one block in the place of `blocks`, or none if nothing is left of them.

        Deletions are applied, and slabs that cannot be read are left out: a block that had any is moved aside.
        """
        damaged: set[Block] = set(blocks) if is_damaged else set()

        def part_of(block: Block) -> BlockPart:
            def on_damage(error: CorruptData) -> None:
                self._block_set.damages.note(error)
                damaged.add(block)

            return BlockPart(block, dropped.get(block, _NO_SERIES), on_damage)

        with self._state.lock:
            tombstones, erased = self._tombstones.entries, self._state.next_id - 1
        meta: dict[str, object] = {
            "level": level,
            "sequence": min(block.meta.sequence for block in blocks),
            "erased": erased,
            "parents": [block.block_id for block in blocks],
        }
        parts = [part_of(block) for block in blocks]
        path = self._block_set.write(spans_of(blocks), sources_of_blocks(parts, tombstones), meta)
        self._checkpoint("merge: block written")
        self._block_set.replace(blocks, path, damaged)
        self._checkpoint("merge: parents deleted")

    # Damage.

    def mend(self, block: Block) -> None:
        """Moves a block aside whose index is damaged; what can be read of it goes into a new one."""
        try:
            self._rewrite([block], {}, block.meta.level, is_damaged=True)
        except CorruptData as error:
            self._block_set.damages.note(error)
            self._block_set.replace([block], None, [block])

    # Retention.

    def expire(self, now_ms: int, retention: Retention) -> None:
        """Takes out what is too old, then the oldest blocks if all together are too large."""
        self._expire_by_age(now_ms, retention)
        limit_bytes = self.limit_bytes(retention)
        if limit_bytes:
            sizes = self._block_set.bytes(self._block_set.blocks)
            going = blocks_over_size(sizes, self._directory.journal_bytes(), limit_bytes)
            if going:
                self._block_set.replace(going, None)

    def limit_bytes(self, retention: Retention) -> int:
        """What blocks and journal may take; 0 is no limit."""
        limits = [retention.size_bytes] if retention.size_bytes else []
        if retention.disk_percentage:
            limits.append(int(shutil.disk_usage(self._directory.root).total * retention.disk_percentage / 100))
        return min(limits, default=0)

    def _expire_by_age(self, now_ms: int, retention: Retention) -> None:
        blocks = self._block_set.blocks
        if not retention.has_ages or not blocks:
            return
        # A clock that jumped ahead must not delete history, nor a sample from the future.
        newest_ms = min(now_ms, max(block.meta.max_ms for block in blocks))
        for block in blocks:
            expired = expired_series(block, newest_ms, retention)
            if len(expired) == block.meta.series:
                self._block_set.replace([block], None)
            elif len(expired):
                self._rewrite([block], {block: expired}, block.meta.level)

    # Deletions.

    def clean_tombstones(self) -> None:
        """Writes every block anew that has samples in it which were deleted."""
        for block in self._block_set.blocks:
            if any(_concerns(block, tombstone) for tombstone in self._tombstones.entries):
                self._rewrite([block], {}, block.meta.level)
        self.drop_tombstones()

    def drop_tombstones(self) -> None:
        """Forgets the deletions that nothing on disk needs any more."""
        with self._state.lock:
            cuts = [cut for source in self._state.sources.values() for cut in source.cut]
        blocks = self._block_set.blocks
        done = [
            tombstone.number
            for tombstone in self._tombstones.entries
            if not any(_concerns(block, tombstone) for block in blocks)
            and not any(cut.chunk_id < tombstone.number and tombstone.overlaps(cut.min_ms, cut.max_ms) for cut in cuts)
        ]
        if not done:
            return
        transaction = Transaction(dead_tombstones=done)
        self._committer.run_exclusively(lambda journal: journal.commit(transaction))
        with self._state.lock:
            self._tombstones.drop(done)


def _concerns(block: Block, tombstone: Tombstone) -> bool:
    """Whether the block has series with samples in it that the tombstone takes away."""
    if block.meta.erased >= tombstone.number or not tombstone.overlaps(block.meta.min_ms, block.meta.max_ms):
        return False
    return any(len(block.select(selector)) for selector in tombstone.selectors)
