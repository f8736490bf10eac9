from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from manual_clock import ManualClock

from monitor.errors import CorruptData, DataDirectoryLocked, LimitExceeded, StorageFull
from monitor.model.label_frame import LabelFrame
from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.journal.journal import Journal, Transaction
from monitor.storage.store import Store, StoreSettings

UP = (Matcher("__name__", MatchOp.EQUAL, "up"),)


def open_store(root: Path, **head: int) -> Store:
    return Store(root, StoreSettings(head=HeadSettings(**head)), ManualClock(now_ms=0))


def samples(store: Store) -> int:
    with store.reader() as reader:
        return reader.select(UP, 0, 10**9).samples


def test_a_second_server_on_a_data_directory_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(DataDirectoryLocked, match=r"is held by pid \d+ on "):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_a_full_disk_stops_ingestion_and_queries_go_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    source = store.open_source("target", 1_000)
    source.set_layout(LabelFrame.of([{"__name__": "up"}]))
    source.append_row(1, np.ones(1))
    store.committer.commit_once()
    store._journal._connection.execute("PRAGMA max_page_count = 1")  # SQLite's own full disk
    wide = store.open_source("wide", 1_000)
    wide.set_layout(LabelFrame.of([{"__name__": f"wide_{i}"} for i in range(4_000)]))
    wide.append_row(2, np.random.default_rng(1).random(4_000))
    with pytest.raises(StorageFull, match="full"):
        store.committer.commit_once()
    with pytest.raises(StorageFull, match="samples are refused"):
        source.append_row(2, np.ones(1))
    assert samples(store) == 1

    store._journal._connection.execute("PRAGMA max_page_count = 1073741823")
    store.committer.commit_once()
    source.append_row(3, np.ones(1))
    store.close()
    reopened = open_store(tmp_path)
    assert samples(reopened) == 2
    with reopened.reader() as reader:
        assert reader.select((Matcher("__name__", MatchOp.REGEX, "wide.*"),), 0, 10).samples == 4_000
    reopened.close()


def test_more_series_than_the_head_may_have_are_refused_and_known_ones_flow(tmp_path: Path) -> None:
    store = open_store(tmp_path, series_max=2)
    source = store.open_source("target", 1_000)
    source.set_layout(LabelFrame.of([{"__name__": "up"}]))
    with pytest.raises(LimitExceeded, match="got 4 series in the head, want at most 2"):
        source.set_layout(LabelFrame.of([{"__name__": name} for name in ("up", "a", "b", "c")]))
    source.append_row(1, np.ones(1))
    assert samples(store) == 1
    store.close()


def test_a_damaged_journal_entry_is_found_at_start(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    source = store.open_source("target", 1_000)
    source.set_layout(LabelFrame.of([{"__name__": "up"}]))
    source.append_row(1, np.ones(1))
    store.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE entries SET rows = zeroblob(length(rows))")
    with pytest.raises(CorruptData, match="journal entry 1 does not match its checksum"):
        open_store(tmp_path)


def test_a_file_that_is_no_journal_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptData, match=r"journal\.sqlite: file is not a database"):
        Journal(path)


def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.commit(Transaction(sources=[(1, "a", 1)], batches=[(2, 1, b"x")]))
    with pytest.raises(Exception, match="UNIQUE constraint failed"):
        journal.commit(Transaction(sources=[(3, "b", 1)], batches=[(2, 3, b"y")]))
    assert list(journal.sources()) == [(1, "a", 1)]
    journal.close()
