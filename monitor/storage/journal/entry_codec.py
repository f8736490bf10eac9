"""Rows of the head as journal entries. FORMAT.md draws them.

An entry is snappy(record, record, …). A record begins with 24 bytes: kind u32, row u32, rows u32, columns u32,
chunk id u64; then, for
    kind 1, rows    timestamps i64 (rows), values f64 (rows, columns): rows `row` and following of a chunk
    kind 2, cells   row u32 (rows), column u32 (rows), value f64 (rows): single cells of earlier rows
All little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass

import cramjam
import numpy as np

from monitor.errors import CorruptData
from monitor.model.samples import Timestamps, Values
from monitor.storage.head.chunk import Cells

_HEADER = struct.Struct("<IIIIQ")
_ROWS, _CELLS = 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class RowsRecord:
    """Rows of a chunk from `first_row` on: `timestamps_ms` (T,), `values` (T, C)."""

    chunk_id: int
    first_row: int
    timestamps_ms: Timestamps
    values: Values


@dataclass(frozen=True, slots=True, eq=False)
class CellsRecord:
    chunk_id: int
    cells: Cells


Record = RowsRecord | CellsRecord


def encode_entry(records: list[Record]) -> bytes:
    parts: list[bytes | memoryview] = []
    for record in records:
        if isinstance(record, RowsRecord):
            rows, columns = record.values.shape
            parts.append(_HEADER.pack(_ROWS, record.first_row, rows, columns, record.chunk_id))
            parts.append(record.timestamps_ms.tobytes())
            parts.append(record.values.tobytes())
        else:
            cells = record.cells
            parts.append(_HEADER.pack(_CELLS, 0, len(cells.values), 0, record.chunk_id))
            parts.append(cells.rows.astype("<u4").tobytes())
            parts.append(cells.columns.astype("<u4").tobytes())
            parts.append(cells.values.tobytes())
    return bytes(cramjam.snappy.compress_raw(b"".join(parts)))


def decode_entry(data: bytes, chunk_ids: Container[int] | None = None) -> Iterator[Record]:
    """The records again; only those of the chunks `chunk_ids`, if any are given."""
    try:
        plain = bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise CorruptData(f"a journal entry does not decode: {error}") from error
    position = 0
    while position < len(plain):
        kind, first_row, rows, columns, chunk_id = _HEADER.unpack_from(plain, position)
        position += _HEADER.size
        is_wanted = chunk_ids is None or chunk_id in chunk_ids
        if kind == _ROWS:
            if is_wanted:
                yield _rows_at(plain, position, first_row, rows, columns, chunk_id)
            position += 8 * rows * (1 + columns)
        elif kind == _CELLS:
            if is_wanted:
                yield _cells_at(plain, position, rows, chunk_id)
            position += 16 * rows
        else:
            raise CorruptData(f"a journal entry has a record of kind {kind}, want 1 or 2")


def _rows_at(plain: bytes, position: int, first_row: int, rows: int, columns: int, chunk_id: int) -> RowsRecord:
    timestamps_ms = np.frombuffer(plain, "<i8", rows, position)
    values = np.frombuffer(plain, "<f8", rows * columns, position + 8 * rows)
    return RowsRecord(chunk_id, first_row, timestamps_ms, values.reshape(rows, columns))


def _cells_at(plain: bytes, position: int, rows: int, chunk_id: int) -> CellsRecord:
    row = np.frombuffer(plain, "<u4", rows, position).astype(np.intp)
    column = np.frombuffer(plain, "<u4", rows, position + 4 * rows).astype(np.intp)
    values = np.frombuffer(plain, "<f8", rows, position + 8 * rows)
    return CellsRecord(chunk_id, Cells(row, column, values))
