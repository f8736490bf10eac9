"""FORMAT.md is true of checksums: every one in a block is computed here by the document alone."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import pytest
from stored_samples import append_rows, open_store, seal_all

DIRECTORIES = {
    "sources": "SELECT key, first_series, series FROM sources ORDER BY source_id",
    "vectors": "SELECT source_id, rows, min_ms, max_ms FROM vectors ORDER BY vector_id",
    "slabs": (
        "SELECT vector_id, first_series, last_series, series, is_dense, slab_id FROM slabs"
        " ORDER BY vector_id, first_series, last_series, series, is_dense, slab_id"
    ),
    "labels": "SELECT first_series, series, checksum FROM labels ORDER BY first_series",
    "postings": "SELECT name, value, checksum FROM postings ORDER BY name, value",
    "meta": "SELECT key, value FROM meta ORDER BY key",
}


def sealed(root: Path, series: dict[str, list[dict[str, str]]]) -> sqlite3.Connection:
    """A block with rows of these series by source; every third of them starts earlier."""
    store = open_store(root)
    for source, of_source in series.items():
        append_rows(store, source, of_source[::3], 0, 30)
        append_rows(store, source, of_source, 30, 50)
    seal_all(store)
    store.close()
    (path,) = (root / "blocks").iterdir()
    return sqlite3.connect(path)


@pytest.fixture
def block(tmp_path: Path):
    # Two metrics in turn, and series that come later: some slabs have members that are no run.
    series = [{"__name__": name, "path": f"é{path}"} for path in range(4) for name in ("b", "a")]
    database = sealed(tmp_path, {"target": series})
    yield database
    database.close()


def test_slabs_are_checked_with_their_members(block: sqlite3.Connection) -> None:
    rows = block.execute("SELECT checksum, data, members FROM slabs").fetchall()
    assert [checksum for checksum, _, _ in rows] == [zlib.crc32(data + (members or b"")) for _, data, members in rows]


def test_postings_are_checked_with_their_pair(tmp_path: Path) -> None:
    database = sealed(tmp_path, {"many": [{"__name__": "é", "path": str(path)} for path in range(4097)]})
    rows = database.execute("SELECT name, value, series, checksum FROM postings").fetchall()
    assert len(rows) == 4098
    for name, value, series, checksum in rows:
        assert zlib.crc32(name.encode() + b"\0" + value.encode() + b"\0" + series) == checksum
    database.close()


def test_directories_are_checked_as_json(block: sqlite3.Connection) -> None:
    found = dict(block.execute("SELECT name, checksum FROM directories"))
    assert found == {
        name: zlib.crc32(
            json.dumps(block.execute(query).fetchall(), separators=(",", ":"), ensure_ascii=False).encode()
        )
        for name, query in DIRECTORIES.items()
    }
