"""The files under blocks/ while the store is open: how one comes, goes, or is moved aside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from monitor.errors import CorruptData, StorageStopping
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_writer import BlockWriter, sync
from monitor.storage.blocks.compaction import SourceRows, write_sources
from monitor.storage.damage import DamageLog
from monitor.storage.data_directory import DataDirectory
from monitor.storage.reading.reader import Sealed
from monitor.storage.reading.readers import Readers

logger = logging.getLogger(__name__)

QUIET_WAIT_SECONDS = 0.02
"""How long each slab of a new block waits for queries to end: both want the interpreter, and a block has time.

A slab is about a millisecond of work, a source some ten.
"""


class BlockSet:
    """The blocks that readers see. One thread at a time changes it."""

    def __init__(
        self, directory: DataDirectory, readers: Readers, damages: DamageLog, reader_wait_seconds: float
    ) -> None:
        self.damages = damages
        self._directory = directory
        self._readers = readers
        self._reader_wait_seconds = reader_wait_seconds
        self.is_stopping = False
        """Set from another thread: blocks that are being written are given up."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self._readers.sealed.blocks

    def write(self, span: str, sources: Iterable[SourceRows], meta: dict[str, object]) -> Path | None:
        """A sealed block with these sources; None, and no file, if they have no sample. Raises StorageStopping."""
        path = self._directory.blocks / f"{span}-{uuid4().hex[:12]}.sqlite"
        writer = BlockWriter(path, self._give_way)
        try:
            write_sources(writer, sources)
            if writer.is_empty:
                writer.abandon()
                return None
            writer.finish(meta)
        except BaseException:
            writer.abandon()
            raise
        return path

    def _give_way(self) -> None:
        """Between two slabs: to queries, and to a stop."""
        if self.is_stopping:
            raise StorageStopping("the store is about to be closed, its blocks are written after the next start")
        self._readers.wait_for_quiet(QUIET_WAIT_SECONDS)

    def publish(self, change: Callable[[Sealed], Sealed]) -> None:
        """Readers go over to what `change` makes of the blocks there are; returns when nobody reads the old ones."""
        if not self._readers.publish(change(self._readers.sealed), self._reader_wait_seconds):
            logger.warning("a query has been reading for %s s, going on", self._reader_wait_seconds)

    def replace(self, gone: Collection[Block], path: Path | None, damaged: Collection[Block] = ()) -> None:
        """The block at `path`, if any, takes the place of `gone`; those of them that are `damaged` are moved aside."""
        new = [] if path is None else [Block(path)]
        kept = [block for block in self.blocks if block not in gone]
        self.publish(lambda before: replace(before, blocks=in_sequence([*kept, *new])))
        for block in gone:
            block.close()
            if block in damaged:
                self.quarantine(block.path)
            else:
                block.path.unlink()

    def quarantine(self, path: Path) -> None:
        """Moves a damaged file aside."""
        self.damages.quarantined += 1
        moved = move_aside(path, self._directory.quarantine)
        logger.error("%s is damaged and was moved to %s", path.name, moved)

    def bytes(self, blocks: Iterable[Block]) -> list[tuple[Block, int]]:
        """The blocks with the sizes of their files."""
        return [(block, block.path.stat().st_size) for block in blocks]


def move_aside(path: Path, quarantine: Path) -> Path:
    """Moves a file into the folder `quarantine`, made if it is not there; where it is now."""
    quarantine.mkdir(exist_ok=True)
    target = quarantine / path.name
    path.rename(target)
    sync(quarantine)
    sync(path.parent)
    return target


def in_sequence(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Blocks in the order in which their samples came, which is the order they are read in."""
    return tuple(sorted(blocks, key=lambda block: block.meta.sequence))


def open_blocks(directory: DataDirectory, damages: DamageLog) -> tuple[Block, ...]:
    """The blocks there are, without those that a merge made superfluous and a crash left; damaged ones move aside."""
    blocks = [block for path in directory.block_paths() if (block := _open_block(path, directory, damages))]
    parents = {parent for block in blocks for parent in block.meta.parents}
    for block in blocks:
        if block.block_id in parents:
            block.close()
            block.path.unlink()
    return in_sequence(block for block in blocks if block.block_id not in parents)


def _open_block(path: Path, directory: DataDirectory, damages: DamageLog) -> Block | None:
    try:
        return Block(path)
    except CorruptData as error:
        damages.note(error)
        damages.quarantined += 1
        logger.error("%s cannot be opened and was moved to %s", path.name, move_aside(path, directory.quarantine))
        return None


def spans_of(blocks: Sequence[Block]) -> str:
    """The time of several blocks, as it stands in the name of the one made of them."""
    return f"{min(block.meta.min_ms for block in blocks)}-{max(block.meta.max_ms for block in blocks)}"
