"""Reads a block: what it holds, which series match, and their samples. FORMAT.md draws the file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from pyroaring import BitMap

from monitor.errors import CorruptData, StorageError
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Mask, Timestamps, Values
from monitor.storage.blocks.block_writer import (
    DIRECTORIES,
    FORMAT_VERSION,
    POSTED_SERIES_MIN,
    READ_VERSIONS,
    directory_checksum,
    posting_prefix,
)
from monitor.storage.blocks.label_codec import decode_labels
from monitor.storage.blocks.label_index import FramePostings, NamedPostings, select_series
from monitor.storage.blocks.pieces import Piece, clip
from monitor.storage.blocks.sections import Section
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.blocks.slab_codec import checksum, decode_timestamps, decode_values
from monitor.storage.damage import READING_ERRORS
from monitor.storage.head.series_table import SeriesNumbers, to_numbers
from monitor.storage.interfaces import Selector

Directory = NDArray[np.int64]
OnDamage = Callable[[CorruptData], None]
"""Told of each slab that is passed over because it is damaged; may raise the error instead."""
EMPTY_PIECE = Piece(np.empty(0, np.intp), np.empty(0, np.int64), np.empty((0, 0)), is_dense=True)


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """`level` counts the merges that made it; `parents` are the blocks that went into it.

    Of two samples of a series at one timestamp, that in the block of the lower `sequence` counts: it came first.
    Deletions with numbers up to `erased` have been applied to its samples.
    """

    min_ms: int
    max_ms: int
    series: int
    samples: int
    level: int
    sequence: int
    erased: int
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


class _SlabPart(NamedTuple):
    """The rows `wanted` of a slab of `series`; None means all. `places` are theirs among the numbers asked for."""

    slab_id: int
    series: int
    wanted: NDArray[np.intp] | None
    places: slice | NDArray[np.intp]


class _TouchedSlabs(NamedTuple):
    """Rows of the slab directory; what is wanted of slab i is among the numbers from `first[i]` to `end[i]` - 1."""

    slabs: Directory
    first: NDArray[np.intp]
    end: NDArray[np.intp]


class Block:
    """One sealed block. Safe for several threads; they take turns at its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.block_id = path.stem
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise CorruptData(f"{path}: {error}") from error
        self.damage = ""
        """What is wrong with the index, once that is known: then nothing in the block can be found for certain."""
        try:
            self.meta = _read_meta(path, dict(self.directory("meta")))
        except StorageError:
            self.close()
            raise
        self._sources: tuple[list[str], Directory] | None = None
        self._vectors: Directory | None = None
        self._slabs: Directory | None = None

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def close(self) -> None:
        self._connection.close()

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Whether it may have samples in a time inclusive at both ends."""
        return self.meta.max_ms >= start_ms and self.meta.min_ms <= end_ms

    def _query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.ProgrammingError as error:
            raise StorageError(f"{self.path}: the block was deleted while it was read: {error}") from error
        except READING_ERRORS as error:
            raise CorruptData(f"{self.path}: {error}") from error

    def directory(self, name: str) -> list[tuple]:  # type: ignore[type-arg]
        """All rows of one of DIRECTORIES. Raises CorruptData if they do not match their checksum."""
        rows = self.index_query(DIRECTORIES[name])
        found = self.index_query("SELECT checksum FROM directories WHERE name = ?", (name,))
        if not found or found[0][0] != _checksum_or_none(rows):
            raise self.damaged(f"directory {name} does not match its checksum")
        return rows

    def index_query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        """Rows of the index. Raises CorruptData, and notes it as damage."""
        try:
            return self._query(query, values)
        except CorruptData as error:
            self.damage = self.damage or str(error)
            raise

    def damaged(self, what: str) -> CorruptData:
        """The error for damage to the index."""
        self.damage = self.damage or f"{self.path}: {what}"
        return CorruptData(f"{self.path}: {what}")

    # Label index.

    def postings(self) -> NamedPostings:
        """Which series have which label. To be asked for once for several questions: what it takes is read once."""
        if self.meta.series >= POSTED_SERIES_MIN:
            return _StoredPostings(self)
        return FramePostings(self.labels(self._all_series()))

    def _all_series(self) -> SeriesNumbers:
        return np.arange(self.meta.series, dtype=np.uint32)

    def select(self, selector: Selector) -> SeriesNumbers:
        """The series of this block that match, ascending."""
        return to_numbers(select_series(self.postings(), selector))

    def labels(self, numbers: SeriesNumbers) -> LabelFrame:
        """The label sets of ascending series numbers."""
        if not len(numbers):
            return LabelFrame(0, {})
        frames = []
        query = "SELECT first_series, series, checksum, data FROM labels WHERE first_series <= ? ORDER BY first_series"
        for first, count, expected, data in self.index_query(query, (int(numbers[-1]),)):
            start, end = np.searchsorted(numbers, [first, first + count])
            if end > start:
                if checksum(data) != expected:
                    raise self.damaged(f"label sets {first} do not match their checksum")
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
            rows = self.directory("sources")
            bounds = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
            self._sources = [row[0] for row in rows], bounds
        return self._sources

    def _vector_directory(self) -> Directory:
        """Rows (source, rows, min_ms, max_ms), in order of vector ids, which count from 1."""
        if self._vectors is None:
            rows = self.directory("vectors")
            self._vectors = np.array(rows, np.int64).reshape(-1, 4)
        return self._vectors

    def _slab_directory(self) -> Directory:
        """Rows (vector_id, first_series, last_series, series, is_dense, slab_id), ordered."""
        if self._slabs is None:
            rows = self.directory("slabs")
            self._slabs = np.array(rows, np.int64).reshape(-1, 6)
        return self._slabs

    def pieces(
        self, wanted: Wanted, cache: SlabCache, on_damage: OnDamage, sources: Container[str] | None = None
    ) -> Iterator[tuple[str, Piece]]:
        """The samples wanted, as (source key, piece), source by source in time order; `sources` None means all."""
        keys, _ = self._source_directory()
        for vector in self.vectors(wanted, sources):
            piece = self.load(vector, wanted, cache, on_damage)
            yield keys[vector.source], clip(piece, wanted.start_ms, wanted.end_ms)

    def vectors_in_time(self, start_ms: int, end_ms: int) -> Mask:
        """Which vectors have samples in a time inclusive at both ends, in order of their ids."""
        vectors = self._vector_directory()
        return np.asarray((vectors[:, 3] >= start_ms) & (vectors[:, 2] <= end_ms))

    def sections(self, wanted: Wanted, cache: SlabCache) -> Iterator[tuple[str, Section]]:
        """As `pieces`, to be read later and over the whole time of each. Raises CorruptData."""
        keys, _ = self._source_directory()
        touched = self._touched_slabs(wanted)
        if not len(touched.slabs):
            return
        vectors = self._vector_directory()[touched.slabs[:, 0] - 1, :2].tolist()
        slabs = zip(touched.slabs.tolist(), touched.first.tolist(), touched.end.tolist(), strict=True)
        for vector_id, of_vector in groupby(zip(vectors, slabs, strict=True), key=lambda each: each[1][0][0]):
            found = list(of_vector)
            source_id, count = found[0][0]
            parts = [self._slab_part(slab, first, end, wanted.numbers) for _, (slab, first, end) in found]
            rows = [wanted.rows[part.places] for part in parts]
            timestamps_ms = cache.get((self.block_id, -vector_id), partial(self._timestamps, vector_id, count))
            is_dense = all(slab[4] for _, (slab, _, _) in found)
            yield (
                keys[source_id - 1],
                Section(
                    rows[0] if len(rows) == 1 else np.concatenate(rows),
                    timestamps_ms,
                    partial(self._fill, parts, count, cache),
                    is_dense,
                ),
            )

    def _slab_part(self, slab: Sequence[int], first_place: int, end_place: int, numbers: SeriesNumbers) -> _SlabPart:
        """Which rows of a slab are among `numbers`: some of those from `first_place` to `end_place` - 1."""
        _, first, last, series, _, slab_id = slab
        if last - first == series - 1 and end_place - first_place == series:
            return _SlabPart(slab_id, series, None, slice(first_place, end_place))
        inside, places = self._places(slab_id, first, last, series, numbers)
        return _SlabPart(slab_id, series, None if len(inside) == series else inside, places)

    def _fill(
        self, slabs: Sequence[_SlabPart], count: int, cache: SlabCache, first: int, end: int, values: Values
    ) -> None:
        row = 0
        for part in slabs:
            key = (self.block_id, part.slab_id)
            read = partial(self._values, part.slab_id, part.series, count)
            of_slab = cache.get_packed(key, read)[:, first:end]
            stop = row + (part.series if part.wanted is None else len(part.wanted))
            values[row:stop] = of_slab if part.wanted is None else of_slab[part.wanted]
            row = stop

    def vectors(self, wanted: Wanted, sources: Container[str] | None = None) -> Iterator[Vector]:
        """Where the samples wanted are, without reading them; of the sources with these keys, or of all."""
        slabs = self._touched_slabs(wanted).slabs
        directory = self._vector_directory()
        if sources is not None:
            is_meant = np.array([key in sources for key in self._source_directory()[0]], np.bool_)
            slabs = slabs[is_meant[directory[slabs[:, 0] - 1, 0] - 1]]
        starts = np.flatnonzero(np.diff(slabs[:, 0], prepend=-1))
        for of_vector in np.split(slabs, starts[1:]) if len(slabs) else []:
            source_id, rows, min_ms, max_ms = directory[of_vector[0, 0] - 1].tolist()
            yield Vector(source_id - 1, rows, min_ms, max_ms, of_vector)

    def _touched_slabs(self, wanted: Wanted) -> _TouchedSlabs:
        slabs = self._slab_directory()
        slabs = slabs[self.vectors_in_time(wanted.start_ms, wanted.end_ms)[slabs[:, 0] - 1]]
        first = np.searchsorted(wanted.numbers, slabs[:, 1], side="left")
        end = np.searchsorted(wanted.numbers, slabs[:, 2], side="right")
        touched = end > first
        return _TouchedSlabs(slabs[touched], first[touched], end[touched])

    def count_samples(self, wanted: Wanted) -> int:
        """About how many samples are wanted, from the directories alone: rows count as evenly spread over time."""
        slabs, first, end = self._touched_slabs(wanted)
        if not len(slabs):
            return 0
        vectors = self._vector_directory()[slabs[:, 0] - 1]
        series = end - first
        first_ms, last_ms = np.maximum(vectors[:, 2], wanted.start_ms), np.minimum(vectors[:, 3], wanted.end_ms)
        inside = (last_ms - first_ms + 1) / (vectors[:, 3] - vectors[:, 2] + 1)
        return round(float((series * vectors[:, 1] * inside).sum()))

    def load(self, vector: Vector, wanted: Wanted, cache: SlabCache, on_damage: OnDamage) -> Piece:
        """What is wanted of one vector, over its whole time, without the slabs that are damaged."""
        slabs = vector.slabs
        vector_id = int(slabs[0, 0])
        count = int(self._vector_directory()[vector_id - 1, 1])
        parts, rows = [], []
        try:
            timestamps_ms = cache.get((self.block_id, -vector_id), lambda: self._timestamps(vector_id, count))
        except CorruptData as error:
            on_damage(error)
            return EMPTY_PIECE
        for _, first, last, series, _, slab_id in slabs.tolist():
            try:
                packed = cache.get_packed((self.block_id, slab_id), partial(self._values, slab_id, series, count))
                values = packed.astype(np.float64, copy=False)
            except CorruptData as error:
                on_damage(error)
                continue
            inside, positions = self._places(slab_id, first, last, series, wanted.numbers)
            parts.append(values if len(inside) == series else values[inside])
            rows.append(wanted.rows[positions])
        is_dense = bool(slabs[:, 4].all())
        if not parts:
            return EMPTY_PIECE
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
        members = np.frombuffer(self._slab(slab_id)[1], "<u4")
        _, inside, places = np.intersect1d(members, numbers[start:end], assume_unique=True, return_indices=True)
        return inside, places + start

    def _timestamps(self, vector_id: int, count: int) -> Timestamps:
        query = "SELECT checksum, data FROM vectors WHERE vector_id = ?"
        data, _ = self._blobs(query, vector_id, f"vector {vector_id}")
        return decode_timestamps(data, count)

    def _values(self, slab_id: int, series: int, count: int) -> Values:
        data, _ = self._slab(slab_id)
        return decode_values(data, series, count)

    def _slab(self, slab_id: int) -> tuple[bytes, bytes]:
        """Its data, and its members; these are empty if its series are consecutive."""
        return self._blobs("SELECT checksum, data, members FROM slabs WHERE slab_id = ?", slab_id, f"slab {slab_id}")

    def _blobs(self, query: str, number: int, what: str) -> tuple[bytes, bytes]:
        """The second column of the one row, and the third if it is not NULL, checked against the first."""
        rows = self._query(query, (number,))
        if not rows:
            raise CorruptData(f"{self.path}: {what} is missing")
        expected, data, *others = rows[0]
        other = b"" if not others or others[0] is None else others[0]
        if not isinstance(data, bytes) or not isinstance(other, bytes) or checksum(data, other) != expected:
            raise CorruptData(f"{self.path}: {what} does not match its checksum")
        return data, other

    # For those who look at the file itself.

    def vector_ids(self) -> list[int]:
        return list(range(1, len(self._vector_directory()) + 1))

    def check_vector(self, vector_id: int) -> None:
        """Raises CorruptData unless the vector is as it was written."""
        self._timestamps(vector_id, int(self._vector_directory()[vector_id - 1, 1]))

    def slab_directory(self) -> Directory:
        """Rows (vector_id, first_series, last_series, series, is_dense, slab_id), ordered."""
        return self._slab_directory()

    def vector_rows(self) -> NDArray[np.int64]:
        """How many rows each vector has, in order of their ids, which count from 1."""
        return self._vector_directory()[:, 1]

    def slab_bytes(self) -> dict[int, int]:
        """The size of each slab's data."""
        return dict(self._query("SELECT slab_id, length(data) FROM slabs"))

    def check_slab(self, slab_id: int, series: int, rows: int) -> None:
        """Raises CorruptData unless the slab is as it was written."""
        self._values(slab_id, series, rows)

    def check_index(self) -> None:
        """Raises CorruptData unless directories, postings and label sets are as they were written."""
        for name in DIRECTORIES:
            self.directory(name)
        stored = _StoredPostings(self)
        for name, value in self.index_query("SELECT name, value FROM postings"):
            stored.posting(name, value)
        self.labels(self._all_series())


class _StoredPostings:
    """Read from the table of a block, pair by pair."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def all_series(self) -> BitMap:
        return BitMap(range(self._block.meta.series))

    def posting(self, name: str, value: str) -> BitMap | None:
        query = "SELECT series, checksum FROM postings WHERE name = ? AND value = ?"
        rows = self._block.index_query(query, (name, value))
        if not rows:
            return None
        if checksum(posting_prefix(name, value), rows[0][0]) != rows[0][1]:
            raise self._block.damaged(f"posting {name}={value} does not match its checksum")
        return BitMap.deserialize(rows[0][0])

    def values(self, name: str) -> list[str]:
        return [value for (value,) in self._block.index_query("SELECT value FROM postings WHERE name = ?", (name,))]

    def names(self) -> list[str]:
        return [name for (name,) in self._block.index_query("SELECT DISTINCT name FROM postings")]


def _checksum_or_none(rows: list[tuple]) -> int | None:  # type: ignore[type-arg]
    try:
        return directory_checksum(rows)
    except TypeError:  # a damaged row may hold bytes where a number was
        return None


def _read_meta(path: Path, values: dict[str, object]) -> BlockMeta:
    version = values.get("format_version")
    if version not in READ_VERSIONS:
        raise StorageError(f"{path}: got format version {version}, want {FORMAT_VERSION} or less")
    numbers = {
        key: int(str(values[key])) for key in ("min_ms", "max_ms", "series", "samples", "level", "sequence", "erased")
    }
    return BlockMeta(**numbers, parents=tuple(orjson.loads(str(values["parents"]))))
