"""Deleted samples are out of every answer at once, and samples that come later stay."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from stored_samples import append_rows, equal, open_store, seal_all, stored_samples

from monitor.errors import LimitExceeded
from monitor.model.labels import Labels
from monitor.storage.deletion.tombstones import decode_selectors
from monitor.storage.store import Store, StoreSettings

SERIES = [{"__name__": "up", "job": "a"}, {"__name__": "up", "job": "b"}]
ALL_MS = (-(2**53), 2**53)


def jobs(store: Store) -> set[str]:
    return {labels["job"] for labels, _ in stored_samples(store)}


@pytest.mark.parametrize("sealed", [True, False])
def test_a_deleted_series_is_neither_selected_nor_listed(tmp_path: Path, sealed: bool) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    if sealed:
        seal_all(store)
    store.delete_series([equal("job", "a")], *ALL_MS)
    assert jobs(store) == {"b"}
    with store.reader() as reader:
        assert reader.series([equal("__name__", "up")], *ALL_MS).all_labels() == [Labels(SERIES[1])]
    store.close()


def test_a_deletion_in_a_time_leaves_the_rest_of_the_series(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    store.delete_series([equal("job", "a")], 10_000, 19_000)
    times = sorted(time for labels, time in stored_samples(store) if labels["job"] == "a")
    assert times == [row * 1000 for row in (*range(10), *range(20, 50))]
    store.close()


def test_samples_imported_after_a_deletion_stay_through_merges(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    seal_all(store)
    store.delete_series([equal("job", "a")], *ALL_MS)
    append_rows(store, "again", SERIES[:1], 5, 8)
    before = stored_samples(store)
    seal_all(store)
    store.clean_tombstones()
    assert store.tombstones.entries == ()
    assert stored_samples(store) == before
    assert sorted(time for labels, time in before if labels["job"] == "a") == [5000, 6000, 7000]
    store.close()


def test_a_deletion_survives_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    store.delete_series([equal("job", "a")], *ALL_MS)
    store.close()
    store = open_store(tmp_path)
    assert jobs(store) == {"b"}
    store.close()


def test_cleaning_takes_the_samples_out_of_the_files(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    seal_all(store)
    store.delete_series([equal("job", "a")], *ALL_MS)
    assert sum(block.meta.samples for block in store.blocks()) == 100
    store.clean_tombstones()
    assert sum(block.meta.samples for block in store.blocks()) == 50
    assert [block.meta.series for block in store.blocks()] == [1]
    store.close()


def test_a_block_of_which_nothing_is_left_goes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    seal_all(store)
    store.delete_series([equal("__name__", "up")], *ALL_MS)
    store.clean_tombstones()
    assert store.blocks() == ()
    assert not list((tmp_path / "blocks").iterdir())
    store.close()


def test_the_tombstone_is_as_the_format_says(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 50)
    seal_all(store)
    store.delete_series([equal("job", "a"), equal("job", "c")], 1, 2)
    store.close()
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    ((start_ms, end_ms, selectors),) = database.execute("SELECT start_ms, end_ms, selectors FROM tombstones")
    database.close()
    assert (start_ms, end_ms) == (1, 2)
    assert selectors == '[[["job","=","a"]],[["job","=","c"]]]'
    assert decode_selectors(selectors) == (equal("job", "a"), equal("job", "c"))


def test_deletions_that_no_merge_applies_are_limited(tmp_path: Path) -> None:
    store = open_store(tmp_path, StoreSettings(tombstones_max=2))
    for _ in range(2):
        store.delete_series([equal("job", "a")], *ALL_MS)
    with pytest.raises(LimitExceeded, match="want at most 2 \\(tombstones_max\\)"):
        store.delete_series([equal("job", "a")], *ALL_MS)
    store.close()
