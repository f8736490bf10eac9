"""The journal database: everything that is not in a block, durable. FORMAT.md draws its tables.

One SQLite file, in WAL mode but while nobody writes (see Journal.rest), with synchronous = FULL: a transaction that
has committed survives the end of the process and of the machine. The store commits about once a second; what a second
brought is one entry of raw rows for each pace, and a chunk that is full becomes slabs in the same transaction that
makes its rows in the entries superfluous.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from monitor.errors import CorruptData, StorageError, StorageFull
from monitor.storage.blocks.slab_codec import checksum

FORMAT_VERSION = 2
READ_VERSIONS = (1, 2)
"""1 is the same with fewer codings of slabs. A journal that was opened is one of today's."""
SLABS_PER_CHUNK_MAX = 2**20
PAGE_BYTES = 16_384
"""Entries and slabs are kilobytes to megabytes: fewer, larger pages took a third less CPU than 4 KiB ones."""
SHRINK_FROM_BYTES = 2**18
SHRINK_RATIO = 4
"""The files are written anew when they are this much larger than what is in them: as much work as a commit or two."""
CHECKPOINT_PAGES = 1024
BUSY_SECONDS = 30
"""How long a commit waits for a tool that has the journal open."""
RESTING_BYTES_MAX = 2**18
RESTING_PAGE_BYTES = 1024
"""A dozen tables with next to nothing in them."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    source_id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, interval_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    batch_id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, labels BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS open_chunks (
    chunk_id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, series BLOB NOT NULL,
    is_ordered INTEGER NOT NULL, span_end_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY, pace INTEGER NOT NULL, checksum INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cut_chunks (
    chunk_id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, series BLOB NOT NULL, rows INTEGER NOT NULL,
    min_ms INTEGER NOT NULL, max_ms INTEGER NOT NULL, is_dense INTEGER NOT NULL, timestamps BLOB NOT NULL,
    checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS slabs (slab_id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tombstones (
    number INTEGER PRIMARY KEY, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, selectors TEXT NOT NULL);
"""


class OpenChunkRow(NamedTuple):
    """A chunk in memory. `series` are its columns, as runs (see series_runs.py)."""

    chunk_id: int
    source_id: int
    series: bytes
    is_ordered: bool
    span_end_ms: int


class CutChunkRow(NamedTuple):
    """A chunk whose rows are slabs; `is_dense` says that they have neither stale markers nor absent cells."""

    chunk_id: int
    source_id: int
    series: bytes
    rows: int
    min_ms: int
    max_ms: int
    is_dense: bool
    timestamps: bytes


@dataclass(frozen=True, slots=True)
class Slab:
    """An encoded slab."""

    slab_id: int
    data: bytes


@dataclass(slots=True)
class Transaction:
    """What one commit writes and deletes."""

    sources: list[tuple[int, str, int]] = field(default_factory=list)
    batches: list[tuple[int, int, bytes]] = field(default_factory=list)
    open_chunks: list[OpenChunkRow] = field(default_factory=list)
    entries: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(sequence, pace, rows)"""
    cut_chunks: list[CutChunkRow] = field(default_factory=list)
    slabs: list[Slab] = field(default_factory=list)
    closed_chunks: list[int] = field(default_factory=list)
    """Chunks that were open and are not any more."""
    superfluous_entries: list[int] = field(default_factory=list)
    sealed_chunks: list[int] = field(default_factory=list)
    """Cut chunks that are in a block now."""
    dead_batches: list[int] = field(default_factory=list)
    dead_sources: list[int] = field(default_factory=list)
    tombstones: list[tuple[int, int, int, str]] = field(default_factory=list)
    """(number, start_ms, end_ms, selectors)"""
    dead_tombstones: list[int] = field(default_factory=list)
    """Deletions that everything on disk has applied."""
    last_id: int = 0
    """See Journal.last_id; kept if it is greater than before."""

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, name) for name in self.__slots__ if name != "last_id")


def slab_id_of(chunk_id: int, slab: int) -> int:
    return chunk_id * SLABS_PER_CHUNK_MAX + slab


class Journal:
    """The one writer of the journal database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)
        self._is_resting = False
        self._prepare()
        self._last_id = self.last_id()

    def _prepare(self) -> None:
        execute = self._connection.execute
        try:
            execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._is_resting = self._page_bytes() == RESTING_PAGE_BYTES
            if not self._is_resting:
                execute("PRAGMA journal_mode = WAL")
            execute("PRAGMA synchronous = FULL")
            execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self._connection.executescript(_SCHEMA)
            execute("INSERT OR IGNORE INTO meta VALUES ('format_version', ?), ('last_id', 0)", (FORMAT_VERSION,))
            (version,) = execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
            if version != FORMAT_VERSION and version in READ_VERSIONS:
                execute("UPDATE meta SET value = ? WHERE key = 'format_version'", (FORMAT_VERSION,))
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error
        if version not in READ_VERSIONS:
            raise StorageError(f"{self.path}: got format version {version}, want {FORMAT_VERSION} or less")

    def close(self) -> None:
        self._connection.close()

    def commit(self, transaction: Transaction) -> None:
        """Writes all of it or nothing. Raises StorageFull if the disk takes no more."""
        try:
            self._wake()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._write(transaction)
                self._delete(transaction)
                self._connection.execute("COMMIT")
                self._last_id = max(self._last_id, transaction.last_id)
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error

    def files(self) -> tuple[Path, Path]:
        """The database, and what was written to it last."""
        return self.path, self.path.with_name(self.path.name + "-wal")

    def shrink(self) -> None:
        """Gives room back to the file system once most of it is free; it is used again otherwise."""
        try:
            files_bytes = sum(path.stat().st_size for path in self.files() if path.exists())
            if files_bytes >= max(SHRINK_FROM_BYTES, SHRINK_RATIO * self._used_bytes()):
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error

    def _page_bytes(self) -> int:
        size: int = self._connection.execute("PRAGMA page_size").fetchone()[0]
        return size

    def _used_bytes(self) -> int:
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        used: int = (pages - free) * self._page_bytes()
        return used

    # Rest. A log and large pages are for writing: without them a journal that holds next to nothing is a file of some
    # kilobytes. SQLite's VACUUM changes the pages in one transaction, a crash leaves the one or the other.

    def may_rest(self) -> bool:
        """Whether `rest` would do anything."""
        return not self._is_resting and self._used_bytes() <= RESTING_BYTES_MAX

    def rest(self) -> None:
        """Makes one small file of the journal until the next commit. No SlabReader may have it open."""
        execute = self._connection.execute
        try:
            execute("PRAGMA busy_timeout = 0")  # if a tool has it open another time will do, and commits wait for us
            execute("PRAGMA journal_mode = DELETE")
            self._is_resting = True
            self._write_anew(RESTING_PAGE_BYTES)
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise translate_sqlite_error(error, self.path) from error
        finally:
            execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    def _wake(self) -> None:
        if self._is_resting:
            self._write_anew(PAGE_BYTES)
            (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
            self._is_resting = mode != "wal"

    def _write_anew(self, page_bytes: int) -> None:
        # The copy that SQLite makes meanwhile is small, and its folder for temporary files may be write-protected.
        execute = self._connection.execute
        execute("PRAGMA temp_store = MEMORY")
        try:
            execute(f"PRAGMA page_size = {page_bytes}")
            execute("VACUUM")
        finally:
            execute("PRAGMA temp_store = DEFAULT")

    def _write(self, transaction: Transaction) -> None:
        many = self._connection.executemany
        if transaction.last_id > self._last_id:
            execute = self._connection.execute
            execute("UPDATE meta SET value = max(value, ?) WHERE key = 'last_id'", (transaction.last_id,))
        many("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", transaction.sources)
        many("INSERT INTO batches VALUES (?, ?, ?, ?)", ((*batch, checksum(batch[2])) for batch in transaction.batches))
        many("INSERT OR REPLACE INTO open_chunks VALUES (?, ?, ?, ?, ?)", transaction.open_chunks)
        many(
            "INSERT INTO entries VALUES (?, ?, ?, ?)",
            ((sequence, pace, checksum(rows), rows) for sequence, pace, rows in transaction.entries),
        )
        cuts = ((*cut, checksum(cut.timestamps)) for cut in transaction.cut_chunks)
        many("INSERT INTO cut_chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", cuts)
        slabs = ((slab.slab_id, checksum(slab.data), slab.data) for slab in transaction.slabs)
        many("INSERT INTO slabs VALUES (?, ?, ?)", slabs)
        many("INSERT INTO tombstones VALUES (?, ?, ?, ?)", transaction.tombstones)

    def _delete(self, transaction: Transaction) -> None:
        many = self._connection.executemany
        many("DELETE FROM open_chunks WHERE chunk_id = ?", _singles(transaction.closed_chunks))
        many("DELETE FROM entries WHERE sequence = ?", _singles(transaction.superfluous_entries))
        many("DELETE FROM cut_chunks WHERE chunk_id = ?", _singles(transaction.sealed_chunks))
        many(
            "DELETE FROM slabs WHERE slab_id >= ? AND slab_id < ?",
            ((slab_id_of(chunk, 0), slab_id_of(chunk + 1, 0)) for chunk in transaction.sealed_chunks),
        )
        many("DELETE FROM batches WHERE batch_id = ?", _singles(transaction.dead_batches))
        many("DELETE FROM sources WHERE source_id = ?", _singles(transaction.dead_sources))
        many("DELETE FROM tombstones WHERE number = ?", _singles(transaction.dead_tombstones))

    # What recovery reads.

    def sources(self) -> Iterator[tuple[int, str, int]]:
        yield from self._rows("SELECT source_id, key, interval_ms FROM sources ORDER BY source_id")

    def batches(self) -> Iterator[tuple[int, int, bytes]]:
        """(batch id, source id, labels). Raises CorruptData."""
        query = "SELECT batch_id, source_id, labels, checksum FROM batches ORDER BY batch_id"
        for batch_id, source_id, labels, expected in self._rows(query):
            if checksum(labels) != expected:
                raise CorruptData(f"{self.path}: label batch {batch_id} does not match its checksum")
            yield batch_id, source_id, labels

    def open_chunks(self) -> Iterator[OpenChunkRow]:
        query = "SELECT chunk_id, source_id, series, is_ordered, span_end_ms FROM open_chunks ORDER BY chunk_id"
        yield from (OpenChunkRow(*row) for row in self._rows(query))

    def cut_chunks(self) -> Iterator[CutChunkRow]:
        """All of them, source by source in the order they were cut; the timestamps are left empty."""
        query = (
            "SELECT chunk_id, source_id, series, rows, min_ms, max_ms, is_dense, x'' FROM cut_chunks"
            " ORDER BY source_id, chunk_id"
        )
        return map(CutChunkRow._make, self._rows(query))

    def entries(self) -> Iterator[tuple[int, int, bytes]]:
        """(sequence, pace, rows) in the order they were written. Raises CorruptData."""
        for sequence, pace, expected, rows in self._rows(
            "SELECT sequence, pace, checksum, rows FROM entries ORDER BY sequence"
        ):
            if checksum(rows) != expected:
                raise CorruptData(f"{self.path}: journal entry {sequence} does not match its checksum")
            yield sequence, pace, rows

    def tombstones(self) -> Iterator[tuple[int, int, int, str]]:
        """(number, start_ms, end_ms, selectors) in the order of their numbers."""
        yield from self._rows("SELECT number, start_ms, end_ms, selectors FROM tombstones ORDER BY number")

    def last_id(self) -> int:
        """The greatest number ever given to a source, a batch or a chunk. Numbers are not used again: an old entry
        would speak of a new chunk."""
        last: int = next(self._rows("SELECT value FROM meta WHERE key = 'last_id'"))[0]
        return last

    def entry_numbers(self) -> list[tuple[int, int]]:
        """(sequence, pace) of all entries, ascending."""
        return list(self._rows("SELECT sequence, pace FROM entries ORDER BY sequence"))

    def _rows(self, query: str) -> Iterator[tuple]:  # type: ignore[type-arg]
        try:
            yield from self._connection.execute(query)
        except sqlite3.DatabaseError as error:
            raise translate_sqlite_error(error, self.path) from error


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


def _singles(numbers: Sequence[int]) -> Iterator[tuple[int]]:
    return ((number,) for number in numbers)


def translate_sqlite_error(error: sqlite3.Error, path: Path) -> StorageError:
    """The error of ours that says the same about the file at `path`."""
    text = str(error)
    if "full" in text or "disk I/O error" in text:
        return StorageFull(f"{path}: {text}")
    if "malformed" in text or "not a database" in text:
        return CorruptData(f"{path}: {text}")
    return StorageError(f"{path}: {text}")
