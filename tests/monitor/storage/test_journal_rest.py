"""The journal of a store to which nobody writes is one small file, and takes rows again as if nothing had been."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_samples import append_rows, open_store, seal_all, stored_samples

from monitor.storage.journal.journal import PAGE_BYTES, RESTING_PAGE_BYTES
from monitor.storage.snapshot import restore
from monitor.storage.store import Store

SERIES = [{"__name__": name, "path": str(path)} for name in ("a_total", "b_total") for path in range(4)]


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[Store]:
    """A store with rows 0 to 99, all of them in a block, that this thread has read from the journal before."""
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 100)
    store.committer.commit_once()
    stored_samples(store)
    seal_all(store)
    yield store
    store.close()


def journal_files(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in root.glob("journal.sqlite*")}


def settings_of_file(root: Path) -> tuple[int, str]:
    """Size of a page, and how SQLite makes commits durable."""
    database = sqlite3.connect(root / "journal.sqlite")
    (page_bytes,), (mode,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("page_size", "journal_mode"))
    database.close()
    return page_bytes, mode


def test_it_is_one_small_file(resting: Store) -> None:
    files = journal_files(resting.directory.root)

    assert files.keys() == {"journal.sqlite"}
    assert files["journal.sqlite"] < 20 * RESTING_PAGE_BYTES


def test_the_next_commit_writes_as_before(resting: Store) -> None:
    before = stored_samples(resting)
    append_rows(resting, "target", SERIES, 100, 130)
    resting.committer.commit_once()

    assert settings_of_file(resting.directory.root) == (PAGE_BYTES, "wal")
    assert len(stored_samples(resting)) == len(before) + 30 * len(SERIES)


def test_it_rests_again_after_that(resting: Store) -> None:
    append_rows(resting, "target", SERIES, 100, 130)
    samples = stored_samples(resting)
    seal_all(resting)

    assert journal_files(resting.directory.root).keys() == {"journal.sqlite"}
    assert stored_samples(resting) == samples


def test_what_is_appended_then_survives_the_end_of_the_process(resting: Store, tmp_path_factory) -> None:
    append_rows(resting, "target", SERIES, 100, 130)
    resting.committer.commit_once()
    samples = stored_samples(resting)
    copy = tmp_path_factory.mktemp("copy")
    for path in (*resting.directory.root.glob("journal.sqlite*"), *resting.directory.blocks.iterdir()):
        target = copy / path.relative_to(resting.directory.root)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    recovered = open_store(copy)

    assert stored_samples(recovered) == samples
    recovered.close()


def test_it_goes_on_resting_after_a_restart_until_somebody_writes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 100)
    seal_all(store)
    store.close()
    store = open_store(tmp_path)

    assert settings_of_file(tmp_path) == (RESTING_PAGE_BYTES, "delete")
    append_rows(store, "target", SERIES, 100, 110)
    store.committer.commit_once()
    assert settings_of_file(tmp_path) == (PAGE_BYTES, "wal")
    assert len(stored_samples(store)) == 110 * len(SERIES)
    store.close()


def test_a_tool_that_reads_the_journal_keeps_it_awake(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 100)
    store.committer.commit_once()
    tool = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    tool.execute("BEGIN")
    tool.execute("SELECT * FROM sources").fetchall()
    seal_all(store)

    assert settings_of_file(tmp_path) == (PAGE_BYTES, "wal")
    tool.close()
    store.maintenance.run(2**50)
    assert settings_of_file(tmp_path) == (RESTING_PAGE_BYTES, "delete")
    store.close()


def test_a_snapshot_of_it_is_whole(resting: Store, tmp_path_factory) -> None:
    name = resting.snapshot(0)
    restored = tmp_path_factory.mktemp("restored")
    restore(resting.directory.snapshots / name, restored)
    copy = open_store(restored)

    assert stored_samples(copy) == stored_samples(resting)
    copy.close()


def test_a_journal_with_pages_of_another_size_is_no_resting_one(tmp_path: Path) -> None:
    made_elsewhere = sqlite3.connect(tmp_path / "journal.sqlite")
    made_elsewhere.executescript("PRAGMA page_size = 8192; VACUUM; CREATE TABLE meta (key TEXT PRIMARY KEY, value)")
    made_elsewhere.close()
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 10)
    store.committer.commit_once()

    assert settings_of_file(tmp_path) == (8192, "wal")
    assert len(stored_samples(store)) == 10 * len(SERIES)
    store.close()
