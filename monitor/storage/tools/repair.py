"""Takes damaged data out of a data directory that no server uses: what can be read stays, damaged files move aside."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import CorruptData
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_set import move_aside
from monitor.storage.blocks.block_writer import BlockWriter
from monitor.storage.blocks.compaction import BlockPart, sources_of_blocks, write_sources
from monitor.storage.blocks.slab_codec import checksum
from monitor.storage.data_directory import DataDirectory
from monitor.storage.head.chunk import Cells
from monitor.storage.journal.entry_codec import CellsRecord, Record, RowsRecord, decode_entry, encode_entry
from monitor.storage.journal.journal import slab_id_of, translate_sqlite_error
from monitor.storage.snapshot import copy_database
from monitor.storage.tools.verify import Fault, FaultKind, verify_block, verify_journal

_NO_SERIES: NDArray[np.uint32] = np.empty(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Repair:
    """One damaged file: where it is now, what was wrong with it, and the file that took its place, if any."""

    path: Path
    quarantined: Path
    faults: tuple[Fault, ...]
    replacement: Path | None


def repair(data: Path) -> list[Repair]:
    """Repairs every block and the journal. Raises DataDirectoryLocked if a server runs there."""
    directory = DataDirectory(data)
    try:
        repairs = [_repair_block(path, directory) for path in directory.block_paths()]
        if directory.journal.exists():
            repairs.append(_repair_journal(directory))
    finally:
        directory.release()
    return [each for each in repairs if each is not None]


# Blocks.


def _repair_block(path: Path, directory: DataDirectory) -> Repair | None:
    faults = tuple(verify_block(path))
    if not faults:
        return None
    replacement = _rewritten(path)
    return Repair(path, move_aside(path, directory.quarantine), faults, replacement)


def _rewritten(path: Path) -> Path | None:
    """A new block with everything that can be read of the one at `path`; None if nothing can be."""
    try:
        block = Block(path)
    except CorruptData:
        return None
    target = path.with_name(f"{path.stem}-repaired.sqlite")
    with contextlib.closing(block):
        writer = BlockWriter(target)
        try:
            write_sources(writer, sources_of_blocks([BlockPart(block, _NO_SERIES, _leave_out)], ()))
            if writer.is_empty:
                raise CorruptData(f"{path}: nothing can be read")
            meta = block.meta
            # Its parents are those of the damaged one: what a crash left of them is superfluous too.
            parents = [block.block_id, *meta.parents]
            writer.finish({"level": meta.level, "sequence": meta.sequence, "erased": meta.erased, "parents": parents})
        except CorruptData:
            writer.abandon()
            return None
    return target


def _leave_out(_error: CorruptData) -> None:
    """The slab is among the faults already."""


# The journal.


def _repair_journal(directory: DataDirectory) -> Repair | None:
    path = directory.journal
    faults = tuple(verify_journal(path))
    if not faults:
        return None
    directory.quarantine.mkdir(exist_ok=True)
    aside = directory.quarantine / path.name
    if any(fault.kind is FaultKind.FILE for fault in faults):
        # SQLite's own recovery tool may still find something in it; nothing here can tell what is whole.
        for part in sorted(directory.root.glob("journal.sqlite*")):
            move_aside(part, directory.quarantine)
        return Repair(path, aside, faults, None)
    aside.unlink(missing_ok=True)
    copy_database(path, aside)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            _drop_faults(connection, faults)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise translate_sqlite_error(error, path) from error
    return Repair(path, aside, faults, path)


def _drop_faults(connection: sqlite3.Connection, faults: Sequence[Fault]) -> None:
    batches = {fault.number for fault in faults if fault.kind is FaultKind.BATCH}
    entries = {fault.number for fault in faults if fault.kind is FaultKind.ENTRY}
    chunks = {fault.number for fault in faults if fault.kind is FaultKind.VECTOR}
    chunks |= _chunks_with(connection, batches)
    for chunk_id in chunks:
        for table in ("open_chunks", "cut_chunks"):
            connection.execute(f"DELETE FROM {table} WHERE chunk_id = ?", (chunk_id,))
        bounds = slab_id_of(chunk_id, 0), slab_id_of(chunk_id + 1, 0)
        connection.execute("DELETE FROM slabs WHERE slab_id >= ? AND slab_id < ?", bounds)
    for batch_id in batches:
        connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch_id,))
    for sequence in entries:
        connection.execute("DELETE FROM entries WHERE sequence = ?", (sequence,))
    if entries:
        _close_gaps(connection)
    # A damaged slab stays: readers pass over it, and sealing leaves it out.


def _chunks_with(connection: sqlite3.Connection, batches: set[int]) -> set[int]:
    """The chunks with a series of one of these batches: which column is whose cannot be told any more."""
    found = set()
    for table in ("open_chunks", "cut_chunks"):
        for chunk_id, runs in connection.execute(f"SELECT chunk_id, series FROM {table}"):
            if not batches.isdisjoint(np.frombuffer(runs, "<i8").reshape(-1, 3)[:, 0].tolist()):
                found.add(chunk_id)
    return found


def _close_gaps(connection: sqlite3.Connection) -> None:
    """Numbers the rows of each chunk anew, without those that are lost, so that they follow each other again."""
    entries = connection.execute("SELECT sequence, rows FROM entries ORDER BY sequence").fetchall()
    records = {sequence: list(decode_entry(rows)) for sequence, rows in entries}
    places = _new_places(record for of_entry in records.values() for record in of_entry)
    for sequence, of_entry in records.items():
        moved = encode_entry([_moved(record, places[record.chunk_id]) for record in of_entry])
        row = (checksum(moved), moved, sequence)
        connection.execute("UPDATE entries SET checksum = ?, rows = ? WHERE sequence = ?", row)


def _new_places(records: Iterable[Record]) -> dict[int, NDArray[np.intp]]:
    """By chunk, the new number of each row; -1 for those that are lost."""
    present: dict[int, list[range]] = {}
    for record in records:
        rows = present.setdefault(record.chunk_id, [])
        if isinstance(record, RowsRecord):
            rows.append(range(record.first_row, record.first_row + len(record.timestamps_ms)))
    return {chunk_id: _numbered(rows) for chunk_id, rows in present.items()}


def _numbered(present: Sequence[range]) -> NDArray[np.intp]:
    is_there = np.zeros(max((rows.stop for rows in present), default=0), np.bool_)
    for rows in present:
        is_there[rows.start : rows.stop] = True
    return np.where(is_there, np.cumsum(is_there) - 1, -1)


def _moved(record: Record, places: NDArray[np.intp]) -> Record:
    if isinstance(record, RowsRecord):
        first = int(places[record.first_row]) if len(record.timestamps_ms) else 0
        return RowsRecord(record.chunk_id, first, record.timestamps_ms, record.values)
    cells = record.cells
    known = cells.rows < len(places)
    rows = np.where(known, places[np.minimum(cells.rows, len(places) - 1)] if len(places) else -1, -1)
    kept = rows >= 0
    return CellsRecord(record.chunk_id, Cells(rows[kept], cells.columns[kept], cells.values[kept]))


def damaged_files(repairs: Iterable[Repair]) -> Iterator[str]:
    """One line for each damaged place and each file."""
    for each in repairs:
        yield from map(str, each.faults)
        place = "nothing of it could be read" if each.replacement is None else f"the rest is in {each.replacement}"
        yield f"{each.path.name} was moved to {each.quarantined}; {place}"
