"""Files of the format before are read, those of a later one are left alone and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from stored_samples import append_rows, open_store, seal_all, stored_samples

from monitor.errors import StorageError
from monitor.storage.blocks.block_writer import DIRECTORIES, directory_checksum

SERIES = [{"__name__": "up", "job": str(job)} for job in range(4)]


def set_version(path: Path, version: int) -> None:
    database = sqlite3.connect(path)
    database.execute("UPDATE meta SET value = ? WHERE key = 'format_version'", (version,))
    if path.parent.name == "blocks":
        meta = directory_checksum(database.execute(DIRECTORIES["meta"]))
        database.execute("UPDATE directories SET checksum = ? WHERE name = 'meta'", (meta,))
    database.commit()
    database.close()


def version_of(path: Path) -> int:
    database = sqlite3.connect(path)
    (version,) = database.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
    database.close()
    return int(version)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """The root of a store with 50 rows in a block and 10 in the journal."""
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    seal_all(store)
    append_rows(store, "target", SERIES, 50, 60)
    store.close()
    return tmp_path


def test_the_version_before_is_read_and_its_journal_becomes_one_of_today(closed: Path) -> None:
    (block,) = (closed / "blocks").iterdir()
    for path in (closed / "journal.sqlite", block):
        assert version_of(path) == 2
        set_version(path, 1)
    store = open_store(closed)

    assert len(stored_samples(store)) == 60 * len(SERIES)
    store.close()
    assert version_of(closed / "journal.sqlite") == 2


def test_a_journal_of_a_later_version_is_refused_by_name(closed: Path) -> None:
    set_version(closed / "journal.sqlite", 3)

    with pytest.raises(StorageError, match=r"journal\.sqlite: got format version 3, want 2 or less$"):
        open_store(closed)
    assert version_of(closed / "journal.sqlite") == 3
