"""A copy of a store at one moment, taken while it runs; and a data directory made of such a copy.

snapshots/NAME/manifest.json    {"format_version", "taken_ms", "blocks": {file name: bytes}, "journal_bytes"}
snapshots/NAME/journal.sqlite   everything that was in no block
snapshots/NAME/blocks/*.sqlite  hard links where the file system has them: sealed blocks never change
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from monitor.errors import BadRequest, CorruptData, NotFound, StorageError, StorageFull
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_writer import sync
from monitor.storage.data_directory import DataDirectory
from monitor.storage.journal.committer import Checkpoint, Committer
from monitor.storage.journal.journal import translate_sqlite_error
from monitor.storage.reading.readers import Readers
from monitor.storage.tools.verify import Fault, verify_block, verify_journal

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
_UNFINISHED = ".tmp"


@dataclass(frozen=True, slots=True)
class Restored:
    """What `restore` put in place. Every slab of it matched its checksum."""

    blocks: int
    samples: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Manifest:
    """`blocks` are sizes by file name; `journal_bytes` 0 says that there is no journal."""

    format_version: int
    taken_ms: int
    blocks: dict[str, int]
    journal_bytes: int


class Snapshots:
    """Takes snapshots of an open store. Safe for several threads."""

    def __init__(
        self, directory: DataDirectory, committer: Committer, readers: Readers, checkpoint: Checkpoint
    ) -> None:
        self._directory = directory
        self._committer = committer
        self._readers = readers
        self._checkpoint = checkpoint
        self._turn = threading.Lock()

    def take(self, now_ms: int, *, with_head: bool = True) -> str:
        """Makes snapshots/NAME with everything appended so far, durable on return; NAME.

        Without the head it holds only what is in blocks. Raises StorageFull.
        """
        with self._turn:
            return self._take(now_ms, with_head=with_head)

    def _take(self, now_ms: int, *, with_head: bool) -> str:
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{moment}-{secrets.token_hex(8)}"
        self._committer.commit_once()
        self._directory.snapshots.mkdir(exist_ok=True)
        for left in self._directory.snapshots.glob(f"*{_UNFINISHED}"):
            shutil.rmtree(left)  # a crash left it
        target = self._directory.snapshots / f"{name}{_UNFINISHED}"
        try:
            self._fill(target, now_ms, with_head=with_head)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise StorageFull(f"{target}: {error.strerror}") from error
        self._checkpoint("snapshot: files written")
        target.rename(self._directory.snapshots / name)
        sync(self._directory.snapshots)
        self._checkpoint("snapshot: named")
        return name

    def _fill(self, target: Path, now_ms: int, *, with_head: bool) -> None:
        blocks = target / "blocks"
        blocks.mkdir(parents=True)
        journal = target / "journal.sqlite"
        # As long as a reader is in, maintenance neither deletes a block nor takes out of the journal what it sealed.
        with self._readers.enter() as sealed:
            for block in sealed.blocks:
                _link(block.path, blocks / block.path.name)
            self._checkpoint("snapshot: blocks linked")
            if with_head:
                copy_database(self._directory.journal, journal)
        sizes = {path.name: path.stat().st_size for path in sorted(blocks.iterdir())}
        manifest = _Manifest(FORMAT_VERSION, now_ms, sizes, journal.stat().st_size if with_head else 0)
        (target / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for path in (target / MANIFEST, *([journal] if with_head else []), blocks, target):
            sync(path)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # file systems without hard links, or with a limit on them
        shutil.copyfile(source, target)
        sync(target)


def copy_database(source: Path, target: Path) -> None:
    """A copy of a SQLite database as it is at one moment, whoever writes to it meanwhile. Raises StorageError."""
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as reading,
            contextlib.closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
    except sqlite3.Error as error:
        raise translate_sqlite_error(error, target) from error


def restore(snapshot: Path, data: Path, report: Callable[[int, int], None] | None = None) -> Restored:
    """Makes a data directory of a snapshot. Nothing is in `data` unless every slab of it matches its checksum.

    `report` is told (bytes done, bytes in all). Raises NotFound if there is no snapshot, BadRequest if `data` holds
    anything, CorruptData if the snapshot is damaged or incomplete, StorageFull.
    """
    manifest = _read_manifest(snapshot)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BadRequest(f"{data}: got something in it, want an empty or a new directory")
    files = [(snapshot / "blocks" / name, size) for name, size in manifest.blocks.items()]
    if manifest.journal_bytes:
        files.append((snapshot / "journal.sqlite", manifest.journal_bytes))
    total = sum(size for _, size in files)
    staging = data / "restoring"
    try:
        (staging / "blocks").mkdir(parents=True)
        done = 0
        for path, size in files:
            _copy(path, staging / path.relative_to(snapshot), size)
            done += size
            if report is not None:
                report(done, total)
        samples = _verified_samples(staging)
        for path in sorted(staging.iterdir()):
            path.rename(data / path.name)
        staging.rmdir()
        sync(data)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise StorageFull(f"{data}: {error.strerror}") from error
    except StorageError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Restored(len(manifest.blocks), samples, total)


def _read_manifest(snapshot: Path) -> _Manifest:
    path = snapshot / MANIFEST
    try:
        values = orjson.loads(path.read_bytes())
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}, want a folder that plimsoll snapshot made") from None
    except orjson.JSONDecodeError as error:
        raise CorruptData(f"{path}: {error}") from None
    try:
        manifest = _Manifest(**values)
    except TypeError:
        raise CorruptData(f"{path}: got {', '.join(values)}, want {', '.join(_Manifest.__slots__)}") from None
    if manifest.format_version != FORMAT_VERSION:
        raise BadRequest(f"{path}: got format version {manifest.format_version}, want {FORMAT_VERSION}")
    return manifest


def _copy(source: Path, target: Path, size: int) -> None:
    if not source.exists() or source.stat().st_size != size:
        got = f"{source.stat().st_size} bytes" if source.exists() else "no such file"
        raise CorruptData(f"{source}: got {got}, want {size} bytes")
    shutil.copyfile(source, target)
    sync(target)


def _verified_samples(staging: Path) -> int:
    """The samples in the blocks. Raises CorruptData naming everything that is damaged."""
    faults = list(_faults(staging))
    if faults:
        raise CorruptData("\n".join(str(fault) for fault in faults))
    return sum(_samples(path) for path in (staging / "blocks").iterdir())


def _faults(staging: Path) -> Iterator[Fault]:
    for path in sorted((staging / "blocks").iterdir()):
        yield from verify_block(path)
    journal = staging / "journal.sqlite"
    if journal.exists():
        yield from verify_journal(journal)


def _samples(path: Path) -> int:
    block = Block(path)
    try:
        return block.meta.samples
    finally:
        block.close()


def snapshot_names(names: Sequence[Path]) -> list[str]:
    """The finished snapshots among the entries of the folder `snapshots`, oldest first."""
    return sorted(path.name for path in names if path.suffix != _UNFINISHED and (path / MANIFEST).exists())
