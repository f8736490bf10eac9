"""Reads a block: what it holds, which series match, and their samples. FORMAT.md draws the file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray
from pyroaring import BitMap

from monitor.errors import CorruptData
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Timestamps, Values
from monitor.storage.blocks.label_codec import decode_labels
from monitor.storage.blocks.label_index import select_series
from monitor.storage.blocks.pieces import Piece, clip
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.blocks.slab_codec import checksum, decode_timestamps, decode_values
from monitor.storage.head.series_table import SeriesNumbers, to_numbers
from monitor.storage.interfaces import Selector
from monitor.storage.journal.journal import translate_sqlite_error

Directory = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """`level` counts the merges that made it; `parents` are the blocks that went into it.

    Of two samples of a series at one timestamp, that in the block of the lower `sequence` counts: it came first.
    """

    min_ms: int
    max_ms: int
    series: int
    samples: int
    level: int
    sequence: int
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Ascending series numbers of a block, which rows of a selection they are, and the time, inclusive."""

    numbers: SeriesNumbers
    rows: Rows
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """The touched slabs of one timestamp vector of the source at a position in `source_keys`."""

    source: int
    rows: int
    min_ms: int
    max_ms: int
    slabs: Directory


class Block:
    """One sealed block. Safe for several threads; they take turns at its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.block_id = path.stem
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, path) from error
        values = dict(self._query("SELECT key, value FROM meta"))
        numbers = {key: int(values[key]) for key in ("min_ms", "max_ms", "series", "samples", "level", "sequence")}
        self.meta = BlockMeta(**numbers, parents=tuple(orjson.loads(values["parents"])))
        self._sources: tuple[list[str], Directory] | None = None
        self._vectors: Directory | None = None
        self._slabs: Directory | None = None

    def close(self) -> None:
        self._connection.close()

    def _query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error

    # Label index.

    def all_series(self) -> BitMap:
        return BitMap(range(self.meta.series))

    def posting(self, name: str, value: str) -> BitMap | None:
        rows = self._query("SELECT series FROM postings WHERE name = ? AND value = ?", (name, value))
        return BitMap.deserialize(rows[0][0]) if rows else None

    def values(self, name: str) -> list[str]:
        return [value for (value,) in self._query("SELECT value FROM postings WHERE name = ?", (name,))]

    def names(self) -> list[str]:
        return [name for (name,) in self._query("SELECT DISTINCT name FROM postings")]

    def select(self, selector: Selector) -> SeriesNumbers:
        """The series of this block that match, ascending."""
        return to_numbers(select_series(self, selector))

    def labels(self, numbers: SeriesNumbers) -> LabelFrame:
        """The label sets of ascending series numbers."""
        if not len(numbers):
            return LabelFrame(0, {})
        frames = []
        query = "SELECT first_series, series, checksum, data FROM labels WHERE first_series <= ? ORDER BY first_series"
        for first, count, expected, data in self._query(query, (int(numbers[-1]),)):
            start, end = np.searchsorted(numbers, [first, first + count])
            if end > start:
                self._verify(data, expected, f"label sets {first}")
                frame = decode_labels(data)
                frames.append(frame.take(numbers[start:end].astype(np.intp) - first))
        return LabelFrame.concat(frames)

    # Samples.

    def source_keys(self) -> list[str]:
        return self._source_directory()[0]

    def source_series(self, source: int) -> SeriesNumbers:
        """The series of the source at a position in `source_keys`."""
        _, directory = self._source_directory()
        first, count = directory[source].tolist()
        return np.arange(first, first + count, dtype=np.uint32)

    def _source_directory(self) -> tuple[list[str], Directory]:
        if self._sources is None:
            rows = self._query("SELECT key, first_series, series FROM sources ORDER BY source_id")
            bounds = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
            self._sources = [row[0] for row in rows], bounds
        return self._sources

    def _vector_directory(self) -> Directory:
        """Rows (source, rows, min_ms, max_ms), in order of vector ids, which count from 1."""
        if self._vectors is None:
            rows = self._query("SELECT source_id, rows, min_ms, max_ms FROM vectors ORDER BY vector_id")
            self._vectors = np.array(rows, np.int64).reshape(-1, 4)
        return self._vectors

    def _slab_directory(self) -> Directory:
        """Rows (vector_id, first_series, last_series, series, is_dense, slab_id), ordered."""
        if self._slabs is None:
            rows = self._query(
                "SELECT vector_id, first_series, last_series, series, is_dense, slab_id FROM slabs"
                " INDEXED BY slab_directory ORDER BY vector_id, first_series"
            )
            self._slabs = np.array(rows, np.int64).reshape(-1, 6)
        return self._slabs

    def pieces(self, wanted: Wanted, cache: SlabCache) -> Iterator[tuple[str, Piece]]:
        """The samples wanted, as (source key, piece), source by source in time order."""
        keys, _ = self._source_directory()
        for vector in self.vectors(wanted):
            yield keys[vector.source], clip(self.load(vector, wanted, cache), wanted.start_ms, wanted.end_ms)

    def vectors(self, wanted: Wanted) -> Iterator[Vector]:
        """Where the samples wanted are, without reading them."""
        slabs = self._touched_slabs(wanted)
        directory = self._vector_directory()
        starts = np.flatnonzero(np.diff(slabs[:, 0], prepend=-1))
        for of_vector in np.split(slabs, starts[1:]) if len(slabs) else []:
            source_id, rows, min_ms, max_ms = directory[of_vector[0, 0] - 1].tolist()
            yield Vector(source_id - 1, rows, min_ms, max_ms, of_vector)

    def _touched_slabs(self, wanted: Wanted) -> Directory:
        slabs, vectors = self._slab_directory(), self._vector_directory()
        in_time = (vectors[:, 3] >= wanted.start_ms) & (vectors[:, 2] <= wanted.end_ms)
        slabs = slabs[in_time[slabs[:, 0] - 1]]
        first = np.searchsorted(wanted.numbers, slabs[:, 1], side="left")
        end = np.searchsorted(wanted.numbers, slabs[:, 2], side="right")
        touched: Directory = slabs[end > first]
        return touched

    def load(self, vector: Vector, wanted: Wanted, cache: SlabCache) -> Piece:
        """What is wanted of one vector, over its whole time."""
        slabs = vector.slabs
        vector_id = int(slabs[0, 0])
        count = int(self._vector_directory()[vector_id - 1, 1])
        timestamps_ms = cache.get((self.block_id, -vector_id), lambda: self._timestamps(vector_id, count))
        parts, rows = [], []
        for _, first, last, series, _, slab_id in slabs.tolist():
            values = cache.get((self.block_id, slab_id), partial(self._values, slab_id, series, count))
            inside, positions = self._places(slab_id, first, last, series, wanted.numbers)
            parts.append(values if len(inside) == series else values[inside])
            rows.append(wanted.rows[positions])
        is_dense = bool(slabs[:, 4].all())
        if len(parts) == 1:
            return Piece(rows[0], timestamps_ms, parts[0], is_dense)
        return Piece(np.concatenate(rows), timestamps_ms, np.concatenate(parts), is_dense)

    def _places(
        self, slab_id: int, first: int, last: int, series: int, numbers: SeriesNumbers
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Which rows of a slab are among `numbers`, and where in `numbers` they stand."""
        start, end = np.searchsorted(numbers, [first, last + 1])
        if last - first == series - 1:
            return numbers[start:end].astype(np.intp) - first, np.arange(start, end)
        ((data,),) = self._query("SELECT members FROM slabs WHERE slab_id = ?", (slab_id,))
        members = np.frombuffer(data, "<u4")
        _, inside, places = np.intersect1d(members, numbers[start:end], assume_unique=True, return_indices=True)
        return inside, places + start

    def _timestamps(self, vector_id: int, count: int) -> Timestamps:
        ((expected, data),) = self._query("SELECT checksum, data FROM vectors WHERE vector_id = ?", (vector_id,))
        self._verify(data, expected, f"vector {vector_id}")
        return decode_timestamps(data, count)

    def _values(self, slab_id: int, series: int, count: int) -> Values:
        ((expected, data),) = self._query("SELECT checksum, data FROM slabs WHERE slab_id = ?", (slab_id,))
        self._verify(data, expected, f"slab {slab_id}")
        return decode_values(data, series, count)

    def _verify(self, data: bytes, expected: int, what: str) -> None:
        if checksum(data) != expected:
            raise CorruptData(f"{self.path}: {what} does not match its checksum")
