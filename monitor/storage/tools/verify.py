"""Reads every byte of a block or a journal that answers depend on, and names what is not as it was written."""

from __future__ import annotations

import contextlib
import enum
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import CorruptData, StorageError
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.slab_codec import checksum
from monitor.storage.damage import READING_ERRORS


class FaultKind(enum.Enum):
    """What a fault makes unreadable."""

    FILE = "file"
    INDEX = "index"
    VECTOR = "vector"
    SLAB = "slab"
    ENTRY = "entry"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Fault:
    """One damaged place. `number` is that of the vector, slab, entry or batch; 0 for the others."""

    path: Path
    kind: FaultKind
    number: int
    message: str

    def __str__(self) -> str:
        return self.message


def verify_block(path: Path) -> Iterator[Fault]:
    """Every fault of a sealed block."""
    try:
        block = Block(path)
    except StorageError as error:
        yield Fault(path, FaultKind.FILE, 0, str(error))
        return
    with contextlib.closing(block):
        try:
            block.check_index()
        except CorruptData as error:
            yield Fault(path, FaultKind.INDEX, 0, str(error))
        try:
            yield from _verify_samples(block)
        except CorruptData as error:
            yield Fault(path, FaultKind.INDEX, 0, str(error))


def _verify_samples(block: Block) -> Iterator[Fault]:
    for vector_id in block.vector_ids():
        try:
            block.check_vector(vector_id)
        except CorruptData as error:
            yield Fault(block.path, FaultKind.VECTOR, vector_id, str(error))
    rows = block.vector_rows().tolist()
    for vector_id, _, _, series, _, slab_id in block.slab_directory().tolist():
        try:
            block.check_slab(slab_id, series, rows[vector_id - 1])
        except CorruptData as error:
            yield Fault(block.path, FaultKind.SLAB, slab_id, str(error))


_JOURNAL_BLOBS = (
    (FaultKind.BATCH, "label batch", "SELECT batch_id, checksum, labels FROM batches"),
    (FaultKind.ENTRY, "entry", "SELECT sequence, checksum, rows FROM entries"),
    (FaultKind.VECTOR, "timestamps of chunk", "SELECT chunk_id, checksum, timestamps FROM cut_chunks"),
    (FaultKind.SLAB, "slab", "SELECT slab_id, checksum, data FROM slabs"),
)


def verify_journal(path: Path) -> Iterator[Fault]:
    """Every fault of a journal; it may be in use."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            for (message,) in connection.execute("PRAGMA quick_check(20)"):
                if message != "ok":
                    yield Fault(path, FaultKind.FILE, 0, f"{path}: {message}")
            for kind, name, query in _JOURNAL_BLOBS:
                for number, expected, data in connection.execute(query):
                    if not isinstance(data, bytes) or checksum(data) != expected:
                        yield Fault(path, kind, number, f"{path}: {name} {number} does not match its checksum")
    except READING_ERRORS as error:
        yield Fault(path, FaultKind.FILE, 0, f"{path}: {error}")
