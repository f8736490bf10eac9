"""The store: head, journal and blocks of one data directory behind the interfaces of storage/interfaces.py."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from monitor.clock import Clock
from monitor.model.label_frame import LabelFrame
from monitor.model.samples import Timestamps, Values
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_set import BlockSet, open_blocks
from monitor.storage.blocks.maintenance import Maintenance, MaintenanceSettings
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.damage import DamageLog
from monitor.storage.data_directory import DataDirectory
from monitor.storage.deletion.delete_series import SeriesDeleter
from monitor.storage.deletion.tombstones import Tombstone, Tombstones, decode_selectors
from monitor.storage.head.head import Head
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.head.push import PushSources
from monitor.storage.head.push_groups import PushedBatch
from monitor.storage.head.source import Source
from monitor.storage.interfaces import Selector
from monitor.storage.journal.committer import Checkpoint, Committer
from monitor.storage.journal.journal import Journal
from monitor.storage.journal.slab_reader import SlabReaders
from monitor.storage.reading.known_sources import RecentSources
from monitor.storage.reading.reader import Remains, Sealed, StoreReader
from monitor.storage.reading.readers import Readers
from monitor.storage.reading.resolve import ResolveCache
from monitor.storage.snapshot import Snapshots

logger = logging.getLogger(__name__)

RECENT_SOURCES_PART = 4
"""One of so many parts of the slab cache's size comes to it for what is known of small sources."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """
    commit_interval_seconds   how much a crash may lose of what is scraped
    cache_bytes               decoded slabs kept for the next query
    selections_max            label selections kept for the next query
    tombstones_max            deletions that wait for blocks to be written anew; more are refused
    """

    head: HeadSettings = field(default_factory=HeadSettings)
    maintenance: MaintenanceSettings = field(default_factory=MaintenanceSettings)
    commit_interval_seconds: float = 1.0
    cache_bytes: int = 128 * 2**20
    selections_max: int = 512
    tombstones_max: int = 1_000


def _no_checkpoint(_step: str) -> None:
    """The steps at which tests end the process mean nothing otherwise."""


class Store:
    """Opens a data directory, recovering what a crash left. `start` begins committing, `close` ends it.

    Appending methods may be called from any thread. What they took in survives a crash `commit_interval_seconds`
    later, or when the future of `durable` is done.
    """

    def __init__(
        self, root: Path, settings: StoreSettings, clock: Clock, checkpoint: Checkpoint = _no_checkpoint
    ) -> None:
        self.settings = settings
        self.directory = DataDirectory(root)
        self.head = Head(settings.head, clock)
        self._journal = Journal(self.directory.journal)
        self.head.recover(self._journal)
        self.committer = Committer(self.head, self._journal, settings.commit_interval_seconds, checkpoint)
        self.cache = SlabCache(settings.cache_bytes)
        self._selections = ResolveCache(settings.selections_max)
        self._recent_sources = RecentSources(settings.cache_bytes // RECENT_SOURCES_PART)
        self.damages = DamageLog()
        self.tombstones = Tombstones(
            [
                Tombstone(number, decode_selectors(selectors), start_ms, end_ms)
                for number, start_ms, end_ms, selectors in self._journal.tombstones()
            ]
        )
        blocks = open_blocks(self.directory, self.damages)
        self.head.state.reserve_ids(max((max(block.meta.sequence, block.meta.erased) for block in blocks), default=0))
        self.readers = Readers(Sealed(blocks))
        block_set = BlockSet(self.directory, self.readers, self.damages, settings.maintenance.reader_wait_seconds)
        self._slab_readers = SlabReaders(self.directory.journal)
        self.maintenance = Maintenance(
            self.directory,
            self.head,
            self.committer,
            self._slab_readers,
            block_set,
            self.tombstones,
            settings.maintenance,
            checkpoint,
        )
        self._snapshots = Snapshots(self.directory, self.committer, self.readers, checkpoint)
        self._deleter = SeriesDeleter(self.head, self.committer, self.tombstones, settings.tombstones_max)
        self._push_sources = PushSources(self.head)

    def start(self) -> None:
        self.committer.start()

    def close(self) -> None:
        """Commits what is left and lets go of the data directory."""
        self.committer.stop()
        self._journal.close()
        self._slab_readers.close()
        for block in self.readers.sealed.blocks:
            block.close()
        self.directory.release()

    # Appending.

    def open_source(self, key: str, interval_ms: int | None = None) -> Source:
        """See RowStore.open_source."""
        return self.head.open_source(key, interval_ms)

    def append(self, source: str, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        """See Appender.append."""
        with self.head.state.lock:
            opened = self.head.open_source(source)
            opened.append_frame(labels, timestamps_ms, values)

    def push(self, batch: PushedBatch, *, is_backfill: bool = False) -> int:
        """See PushSources.append."""
        return self._push_sources.append(batch, is_backfill=is_backfill)

    def pushed_series(self) -> int:
        """How many series are known by the keys they were pushed with."""
        return self._push_sources.known_keys

    def durable(self) -> Future[None]:
        """Done once everything appended so far is on disk; fails with StorageFull if it cannot be."""
        return self.committer.wait()

    def delete_series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> None:
        """See SeriesDeleter.delete."""
        self._deleter.delete(selectors, start_ms, end_ms)

    def clean_tombstones(self) -> None:
        """See Maintenance.clean_tombstones."""
        self.maintenance.clean_tombstones()

    def snapshot(self, now_ms: int, *, with_head: bool = True) -> str:
        """See Snapshots.take."""
        return self._snapshots.take(now_ms, with_head=with_head)

    # Reading.

    @contextmanager
    def reader(self) -> Iterator[StoreReader]:
        """See Queryable.reader."""
        # Before the blocks: a deletion is forgotten when no block needs it, so older blocks go with older deletions.
        remains = Remains(self.tombstones.entries, self.damages)
        with self.readers.enter() as sealed:
            yield StoreReader(
                self.head, sealed, self._slab_readers, self.cache, self._selections, self._recent_sources, remains
            )

    def blocks(self) -> tuple[Block, ...]:
        return self.readers.sealed.blocks
