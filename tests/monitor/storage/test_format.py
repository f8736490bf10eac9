"""FORMAT.md is true to the bytes: a journal and a block are read here by it alone, without any code of the store."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from pathlib import Path

import cramjam
import numpy as np
from manual_clock import ManualClock
from pcodec import standalone
from pyroaring import BitMap
from slab_by_document import read_slab
from stored_samples import append_rows, open_store, seal_all

from monitor.model.label_frame import LabelFrame
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import Store, StoreSettings

ABSENT_BITS = 0x7FF00000000000AB
SPAN_MS = 100_000
SERIES = [{"__name__": name, "path": str(i)} for i in range(3) for name in ("b_total", "a_total")]


def fill(root: Path) -> Store:
    settings = StoreSettings(head=HeadSettings(chunk_rows_max=8, block_span_ms=SPAN_MS))
    store = Store(root, settings, ManualClock(now_ms=0))
    source = store.open_source("target", 1_000)
    source.set_layout(LabelFrame.of(SERIES))
    for row in range(20):
        source.append_row(row * 1_000, row * 10.0 + np.arange(len(SERIES)))
    store.committer.commit_once()
    return store


def expected() -> dict[tuple[str, str, int], float]:
    return {
        (labels["__name__"], labels["path"], row * 1_000): row * 10.0 + column
        for row in range(20)
        for column, labels in enumerate(SERIES)
    }


def read_frame(blob: bytes) -> list[dict[str, str]]:
    plain = bytes(cramjam.zstd.decompress(blob))
    (length,) = struct.unpack_from("<I", plain)
    size, columns = json.loads(plain[4 : 4 + length])
    sets: list[dict[str, str]] = [{} for _ in range(size)]
    position = 4 + length
    for name, item_size, values in columns:
        codes = np.frombuffer(plain, f"<u{item_size}", size, position)
        position += size * item_size
        for labels, code in zip(sets, codes.tolist(), strict=True):
            if code:
                labels[name] = values[code - 1]
    return sets


def unpack(blob: bytes, checksum: int | None = None) -> np.ndarray:  # type: ignore[type-arg]
    assert checksum is None or zlib.crc32(blob) == checksum
    return standalone.simple_decompress(blob)


def test_a_block_decodes_by_the_document_alone(tmp_path: Path) -> None:
    store = fill(tmp_path)
    store.maintenance.seal(SPAN_MS)
    store.close()
    (path,) = (tmp_path / "blocks").glob("*.sqlite")
    database = sqlite3.connect(path)
    labels: dict[int, dict[str, str]] = {}
    for first, series, checksum, data in database.execute("SELECT first_series, series, checksum, data FROM labels"):
        assert zlib.crc32(data) == checksum
        labels |= dict(zip(range(first, first + series), read_frame(data), strict=True))
    found = {}
    query = (
        "SELECT s.first_series, s.series, s.members, s.checksum, s.data, v.checksum, v.data, v.rows"
        " FROM slabs s JOIN vectors v USING (vector_id)"
    )
    for first, series, members, checksum, data, times_checksum, times, rows in database.execute(query):
        timestamps_ms = unpack(times, times_checksum)
        assert zlib.crc32(data) == checksum
        values = read_slab(data, series, rows)
        numbers = range(first, first + series) if members is None else np.frombuffer(members, "<u4").tolist()
        for number, row in zip(numbers, values, strict=True):
            for time, value in zip(timestamps_ms.tolist(), row.tolist(), strict=True):
                found[labels[number]["__name__"], labels[number]["path"], time] = value
    assert found == expected()
    assert database.execute("SELECT count(*) FROM postings").fetchone() == (0,)
    database.close()


def test_postings_decode_by_the_document_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "many", [{"__name__": f"of_{n % 3}", "path": str(n)} for n in range(4097)], 0, 1)
    seal_all(store)
    store.close()
    (path,) = (tmp_path / "blocks").glob("*.sqlite")
    database = sqlite3.connect(path)
    labels = [of_series for (data,) in database.execute("SELECT data FROM labels") for of_series in read_frame(data)]
    series: dict[tuple[str, str], list[int]] = {}
    for number, of_series in enumerate(labels):
        for pair in of_series.items():
            series.setdefault(pair, []).append(number)
    found = database.execute("SELECT name, value, series FROM postings").fetchall()
    assert {(name, value): list(BitMap.deserialize(blob)) for name, value, blob in found} == series
    database.close()


class JournalFile:
    """journal.sqlite, read by the document."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path)
        rows = self.database.execute("SELECT batch_id, labels FROM batches")
        self._batches = {batch_id: read_frame(blob) for batch_id, blob in rows}

    def columns(self, blob: bytes) -> list[dict[str, str]]:
        runs = np.frombuffer(blob, "<i8").reshape(-1, 3).tolist()
        return [labels for batch, first, count in runs for labels in self._batches[batch][first : first + count]]

    def cut_samples(self) -> dict[tuple[str, str, int], float]:
        found = {}
        query = "SELECT chunk_id, series, rows, timestamps FROM cut_chunks"
        for chunk_id, series, rows, times in self.database.execute(query).fetchall():
            by_metric: dict[str, list[dict[str, str]]] = {}
            for labels in self.columns(series):
                by_metric.setdefault(labels["__name__"], []).append(labels)
            for slab, of_metric in enumerate(by_metric.values()):
                slab_id = chunk_id * 2**20 + slab
                row = self.database.execute("SELECT data, checksum FROM slabs WHERE slab_id = ?", (slab_id,)).fetchone()
                assert zlib.crc32(row[0]) == row[1]
                values = read_slab(row[0], len(of_metric), rows)
                found |= samples_of(of_metric, unpack(times).tolist(), values.T.tolist())
        return found

    def open_samples(self) -> dict[tuple[str, str, int], float]:
        found = {}
        rows = self.database.execute("SELECT chunk_id, series FROM open_chunks")
        open_chunks = {chunk_id: self.columns(series) for chunk_id, series in rows}
        for (blob,) in self.database.execute("SELECT rows FROM entries ORDER BY sequence"):
            plain, position = bytes(cramjam.snappy.decompress_raw(blob)), 0
            while position < len(plain):
                kind, _, count, width, chunk_id = struct.unpack_from("<IIIIQ", plain, position)
                assert kind == 1
                times = np.frombuffer(plain, "<i8", count, position + 24).tolist()
                values = np.frombuffer(plain, "<f8", count * width, position + 24 + 8 * count).reshape(count, width)
                found |= samples_of(open_chunks.get(chunk_id, []), times, values.tolist())
                position += 24 + 8 * count * (1 + width)
        return found


def samples_of(
    columns: list[dict[str, str]], times: list[int], rows: list[list[float]]
) -> dict[tuple[str, str, int], float]:
    return {
        (labels["__name__"], labels["path"], time): value
        for time, row in zip(times, rows, strict=True)
        for labels, value in zip(columns, row, strict=False)
    }


def test_the_journal_decodes_by_the_document_alone(tmp_path: Path) -> None:
    fill(tmp_path).close()
    journal = JournalFile(tmp_path / "journal.sqlite")
    cut, still_open = journal.cut_samples(), journal.open_samples()
    assert cut
    assert still_open
    assert cut | still_open == expected()
    journal.database.close()
