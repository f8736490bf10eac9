"""Writes a block: one sealed SQLite file with the slabs and the label index of a span of time. FORMAT.md draws it."""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import orjson
from numpy.typing import NDArray
from pyroaring import BitMap

from monitor.model.label_frame import LabelColumn, LabelFrame, Rows, run_bounds, sets_by_code
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Values, has_gaps, is_absent
from monitor.storage.blocks.label_codec import encode_labels
from monitor.storage.blocks.pieces import Piece
from monitor.storage.blocks.slab_codec import SlabEncoder, checksum, encode_timestamps
from monitor.storage.head.chunk import SLAB_SERIES_MAX
from monitor.storage.journal.journal import translate_sqlite_error

FORMAT_VERSION = 2
READ_VERSIONS = (1, 2)
"""1 is the same with postings in every block and fewer codings of slabs."""
PAGE_BYTES = 4096
SMALL_BLOCK_BYTES_MAX = 8 * 2**20
SMALL_BLOCK_PAGE_BYTES = 1024
"""The free ends of pages are a tenth of a small block. In a large one they are little, and long slabs read faster."""
VECTOR_ROWS_MAX = 4096
"""Long slabs compress better: what repeats after hours is found again."""
VECTOR_ROWS_MIN = 1024
"""A query for the last minutes decodes more than it needs of anything longer."""
_SLAB_VALUES = 1 << 18
"""Slabs of many series are shorter again: whoever reads one of them decodes at most this, 2 ms."""
_ROWS_AT_ONCE = 500
"""Encoding more rows of a directory at once keeps the interpreter longer than the 1 ms that others wait for it."""
LABEL_GROUP_SERIES = 4096
"""Label sets are stored together for about this many series: they share their values."""
POSTED_SERIES_MIN = LABEL_GROUP_SERIES + 1
"""Smaller blocks have no postings: those are found in the label sets, of which there is one group, as fast."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources (
    source_id INTEGER PRIMARY KEY, key TEXT NOT NULL, first_series INTEGER NOT NULL, series INTEGER NOT NULL);
CREATE TABLE labels (
    first_series INTEGER PRIMARY KEY, series INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE postings (
    name TEXT NOT NULL, value TEXT NOT NULL, series BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (name, value)) WITHOUT ROWID;
CREATE TABLE vectors (
    vector_id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, rows INTEGER NOT NULL,
    min_ms INTEGER NOT NULL, max_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE slabs (
    slab_id INTEGER PRIMARY KEY, vector_id INTEGER NOT NULL,
    first_series INTEGER NOT NULL, last_series INTEGER NOT NULL, series INTEGER NOT NULL,
    members BLOB, is_dense INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE directories (name TEXT PRIMARY KEY, checksum INTEGER NOT NULL) WITHOUT ROWID;
"""
DIRECTORIES = {
    "sources": "SELECT key, first_series, series FROM sources ORDER BY source_id",
    "vectors": "SELECT source_id, rows, min_ms, max_ms FROM vectors ORDER BY vector_id",
    "slabs": (
        "SELECT vector_id, first_series, last_series, series, is_dense, slab_id FROM slabs"
        " INDEXED BY slab_directory ORDER BY vector_id, first_series, last_series, series, is_dense, slab_id"
    ),
    "labels": "SELECT first_series, series, checksum FROM labels ORDER BY first_series",
    "postings": "SELECT name, value, checksum FROM postings ORDER BY name, value",
    "meta": "SELECT key, value FROM meta ORDER BY key",
}
"""What the table `directories` has a checksum of: everything that is not beside a checksum of its own."""
_INDEX = "CREATE INDEX slab_directory ON slabs (vector_id, first_series, last_series, series, is_dense, slab_id)"


def _go_on() -> None:
    """What writes a block for itself alone has nobody to give way to."""


class BlockWriter:
    """Takes one source after the other, then `finish`. Nothing is seen under `path` before that.

    `give_way` is called before each slab; what it raises ends the writing.
    """

    def __init__(self, path: Path, give_way: Callable[[], None] = _go_on) -> None:
        self._path = path
        self._give_way = give_way
        self._temporary = path.with_suffix(".tmp")
        self._temporary.unlink(missing_ok=True)
        self._connection = sqlite3.connect(self._temporary, isolation_level=None)
        self._execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # A crash leaves a .tmp file that the next start deletes: no rollback journal is needed while writing it.
        self._execute("PRAGMA journal_mode = OFF")
        self._execute("PRAGMA synchronous = OFF")
        self._execute("BEGIN")
        for statement in _SCHEMA.strip().split(";\n"):
            self._execute(statement)
        self._series = self._samples = 0
        self._min_ms, self._max_ms = 2**62, -(2**62)
        self._vector_id = self._slab_id = self._source_id = 0
        self._encoder = SlabEncoder()
        self._label_group: list[LabelFrame] = []
        self._label_group_first = 0
        self._postings: dict[tuple[str, str], list[array[int]]] = {}

    def _execute(self, statement: str, values: Sequence[object] = ()) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self._temporary) from error

    def add_source(self, key: str, labels: LabelFrame, pieces: Iterable[Piece]) -> None:
        """One source: its S label sets, ordered by metric, and its pieces in time order, whose rows are those sets."""
        self._source_id += 1
        first = self._series
        self._execute("INSERT INTO sources VALUES (?, ?, ?, ?)", (self._source_id, key, first, labels.size))
        self._add_labels(labels)
        metric = labels.column(METRIC_NAME)
        for piece in pieces:
            self._add_piece(first, metric, _in_order(piece))

    def _add_labels(self, labels: LabelFrame) -> None:
        self._label_group.append(labels)
        self._series += labels.size
        if self._series - self._label_group_first >= LABEL_GROUP_SERIES:
            self._write_label_group()

    def _write_label_group(self) -> None:
        if not self._label_group:
            return
        frame = LabelFrame.concat(self._label_group)
        data = encode_labels(frame)
        self._execute(
            "INSERT INTO labels VALUES (?, ?, ?, ?)", (self._label_group_first, frame.size, checksum(data), data)
        )
        self._post(frame, self._label_group_first)
        self._label_group_first += frame.size
        self._label_group = []

    def _post(self, frame: LabelFrame, first: int) -> None:
        """Notes the labels of the series from `first` on."""
        for name in frame.names():
            column = frame.columns[name]
            for code, members in sets_by_code(column.codes):
                numbers = array("I", (members + first).astype(np.uint32).tobytes())
                self._postings.setdefault((name, column.values[code]), []).append(numbers)

    def _add_piece(self, first_series: int, metric: LabelColumn, piece: Piece) -> None:
        self._min_ms = min(self._min_ms, int(piece.timestamps_ms[0]))
        self._max_ms = max(self._max_ms, int(piece.timestamps_ms[-1]))
        slabs = list(_slab_rows(metric.codes[piece.rows]))
        rows_max = min(VECTOR_ROWS_MAX, max(VECTOR_ROWS_MIN, _SLAB_VALUES // max(map(len, slabs))))
        for start in range(0, len(piece.timestamps_ms), rows_max):
            timestamps_ms = piece.timestamps_ms[start : start + rows_max]
            data = encode_timestamps(timestamps_ms)
            self._vector_id += 1
            bounds = (len(timestamps_ms), int(timestamps_ms[0]), int(timestamps_ms[-1]))
            row = (self._vector_id, self._source_id, *bounds, checksum(data), data)
            self._execute("INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            values = piece.values[:, start : start + len(timestamps_ms)]
            for members in slabs:
                self._give_way()
                name = metric.values[metric.codes[piece.rows[members[0]]]]
                self._add_slab(first_series, name, piece.rows[members], values[members])

    def _add_slab(self, first_series: int, metric: str, rows: Rows, values: Values) -> None:
        values = np.ascontiguousarray(values)
        is_dense = not has_gaps(values)
        if not is_dense and bool(is_absent(values).all()):
            return
        self._samples += values.size if is_dense else int((~is_absent(values)).sum())
        numbers = rows + first_series
        bounds = (int(numbers[0]), int(numbers[-1]), len(numbers))
        is_run = bounds[1] - bounds[0] == len(numbers) - 1
        members = None if is_run else numbers.astype("<u4").tobytes()
        data = self._encoder.encode(metric, values)
        self._slab_id += 1
        row = (self._slab_id, self._vector_id, *bounds, members, is_dense, checksum(data, members or b""), data)
        self._execute("INSERT INTO slabs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def finish(self, meta: Mapping[str, object]) -> None:
        """Completes the file, with `meta` beside what the block says of itself, and moves it to its place, durably."""
        self._write_label_group()
        if self._series >= POSTED_SERIES_MIN:
            self._write_postings()
        own: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "series": self._series,
            "samples": self._samples,
            "min_ms": self._min_ms,
            "max_ms": self._max_ms,
        }
        for key, entry in {**own, **meta}.items():
            stored = entry if isinstance(entry, int | str) else orjson.dumps(entry).decode()
            self._execute("INSERT INTO meta VALUES (?, ?)", (key, stored))
        self._execute(_INDEX)
        for name, query in DIRECTORIES.items():
            self._execute(
                "INSERT INTO directories VALUES (?, ?)", (name, directory_checksum(self._connection.execute(query)))
            )
        self._execute("COMMIT")
        self._pack()
        self._connection.close()
        sync(self._temporary)
        self._temporary.rename(self._path)
        sync(self._path.parent)

    def _write_postings(self) -> None:
        for (name, value), numbers in sorted(self._postings.items()):
            series = BitMap.union(*map(BitMap, numbers)) if len(numbers) > 1 else BitMap(numbers[0])
            series.run_optimize()
            data = series.serialize()
            row = (name, value, data, checksum(posting_prefix(name, value), data))
            self._execute("INSERT INTO postings VALUES (?, ?, ?, ?)", row)

    def _pack(self) -> None:
        """Gives a small block its own size of pages; that can only be done by writing it once more."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        if pages * PAGE_BYTES <= SMALL_BLOCK_BYTES_MAX:
            self._execute("PRAGMA temp_store = MEMORY")
            self._execute(f"PRAGMA page_size = {SMALL_BLOCK_PAGE_BYTES}")
            self._execute("VACUUM")

    def abandon(self) -> None:
        """Removes what was written so far."""
        self._connection.close()
        self._temporary.unlink(missing_ok=True)

    @property
    def is_empty(self) -> bool:
        return self._samples == 0


def directory_checksum(rows: Iterable[Sequence[object]]) -> int:
    """CRC-32 of the rows as JSON without spaces, a list of lists.

    Some rows at a time, so that other threads get the interpreter in between.
    """
    value, separator, rest = crc32(b"["), b"", iter(rows)
    while part := list(islice(rest, _ROWS_AT_ONCE)):
        value, separator = crc32(separator + orjson.dumps(part)[1:-1], value), b","
    return crc32(b"]", value)


def posting_prefix(name: str, value: str) -> bytes:
    """What the checksum of a posting covers before its bitmap."""
    return f"{name}\0{value}\0".encode()


def sync(path: Path) -> None:
    """Makes a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _in_order(piece: Piece) -> Piece:
    """The same piece with ascending rows."""
    order = np.argsort(piece.rows, kind="stable")
    return Piece(piece.rows[order], piece.timestamps_ms, piece.values[order], piece.is_dense)


def _slab_rows(metric: NDArray[np.int32]) -> list[Rows]:
    """Rows cut into slabs: of one metric each, at most SLAB_SERIES_MAX. `metric` (R,) is grouped already."""
    return [
        np.arange(first, min(first + SLAB_SERIES_MAX, end))
        for start, end in pairwise(run_bounds(metric))
        for first in range(start, end, SLAB_SERIES_MAX)
    ]
