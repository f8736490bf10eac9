"""When rows become slabs, spans become blocks, and blocks become larger ones."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from manual_clock import ManualClock
from stored_samples import SPAN_MS, append_rows, open_store, settings_of, stored_samples

from monitor.errors import StorageStopping
from monitor.model.label_frame import LabelFrame
from monitor.storage.blocks.compaction import MERGED_SPANS, merged_periods_ms
from monitor.storage.store import Store

SERIES = [{"__name__": "up", "job": job} for job in ("a", "b")]
IDLE_MS = settings_of().maintenance.idle_ms


def test_a_source_that_went_quiet_is_sealed_before_its_span_ends(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "gone", SERIES, 0, 10)
    before = stored_samples(store)

    store.maintenance.run(10_000)
    assert store.blocks() == ()
    store.maintenance.run(10_000 + IDLE_MS)

    assert len(store.blocks()) == 1
    assert stored_samples(store) == before
    store.close()


def test_a_span_that_others_still_write_to_is_not_sealed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "gone", SERIES, 0, 10)
    append_rows(store, "lives", [{"__name__": "lives"}], 0, 5)
    store.maintenance.run(10_000)
    append_rows(store, "lives", [{"__name__": "lives"}], 5, 10)
    store.maintenance.run(10_000 + IDLE_MS)

    assert store.blocks() == ()
    assert [source.has_rows_in_memory for source in store.head.state.sources.values()] == [False, True]
    store.close()


def test_a_slow_source_is_not_idle_between_its_rows(tmp_path: Path) -> None:
    store = Store(tmp_path, settings_of(), ManualClock(now_ms=0))
    source = store.open_source("slow", interval_ms=IDLE_MS)
    source.set_layout(LabelFrame.of(SERIES))
    source.append_row(10 * SPAN_MS, np.ones(2))

    store.maintenance.run(1_000)
    store.maintenance.run(1_000 + 2 * IDLE_MS)
    assert source.has_rows_in_memory
    store.maintenance.run(1_000 + 3 * IDLE_MS)

    assert not source.has_rows_in_memory
    store.close()


def test_an_idle_store_merges_a_period_that_is_not_over(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for span in range(3):
        append_rows(store, "gone", SERIES, span * SPAN_MS // 1000, span * SPAN_MS // 1000 + 20)
    before = stored_samples(store)
    store.maintenance.run(SPAN_MS * 3)
    store.maintenance.run(SPAN_MS * 3 + IDLE_MS)

    assert len(store.blocks()) == 1
    assert stored_samples(store) == before
    store.close()


@pytest.mark.parametrize(("seconds", "blocks"), [(60, 1), (1_500, 2)])
def test_an_idle_store_merges_across_the_end_of_a_day_what_is_no_longer_than_one(
    tmp_path: Path, seconds: int, blocks: int
) -> None:
    store = open_store(tmp_path)
    day_s = max(MERGED_SPANS) * SPAN_MS // 1000
    append_rows(store, "gone", SERIES, day_s - 10, day_s)
    append_rows(store, "gone", SERIES, day_s - 10 + seconds, day_s + seconds)
    before = stored_samples(store)
    for round_number in range(3):
        store.maintenance.run(round_number * IDLE_MS)

    assert len(store.blocks()) == blocks
    assert stored_samples(store) == before
    store.close()


def test_a_stop_gives_up_the_block_that_is_being_written(tmp_path: Path) -> None:
    def stop(step: str) -> None:
        if step == "cuts: after commit":  # what a flush does first
            store.maintenance.stop()

    store = Store(tmp_path, settings_of(), ManualClock(now_ms=0), stop)
    append_rows(store, "gone", SERIES, 0, 10)
    before = stored_samples(store)
    with pytest.raises(StorageStopping):
        store.maintenance.seal(SPAN_MS)
    assert list(store.directory.blocks.iterdir()) == []
    assert stored_samples(store) == before
    store.close()

    reopened = open_store(tmp_path)
    assert reopened.maintenance.seal(SPAN_MS) is not None
    assert stored_samples(reopened) == before
    reopened.close()


def test_the_journal_gives_its_room_back_when_most_of_it_is_free(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    wide = LabelFrame.of([{"__name__": "wide", "i": str(i)} for i in range(500)])
    noise = np.random.default_rng(1).normal(size=(400, 500))
    for first in range(0, 400, 50):
        store.append("backfill", wide, np.arange(first, first + 50) * 1_000, noise[first : first + 50])
        store.committer.commit_once()
    full_bytes = store.directory.journal_bytes()
    store.maintenance.run(0)
    store.maintenance.run(IDLE_MS)

    assert store.directory.journal_bytes() < full_bytes / 4
    # What is left is the empty tables, a page each.
    assert store.directory.journal_bytes() <= 12 * 16_384
    store.close()


def test_a_small_block_wastes_little_of_its_pages(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    names = LabelFrame.of([{"__name__": f"metric_{i}", "instance": "a"} for i in range(200)])
    noise = np.random.default_rng(1).normal(size=(100, 200))
    store.append("host", names, np.arange(100) * 1_000, noise)
    path = store.maintenance.seal(SPAN_MS)
    assert path is not None
    with closing(sqlite3.connect(path)) as connection:
        (slab_bytes,) = connection.execute("SELECT sum(length(data)) FROM slabs").fetchone()

    # With pages of 4 KiB it was 1.61 times as much.
    assert path.stat().st_size < 1.4 * slab_bytes
    store.close()


def test_blocks_are_at_most_a_tenth_of_what_is_kept() -> None:
    assert merged_periods_ms(2, 0) == [8, 24]
    assert merged_periods_ms(2, 239) == [8]
    assert merged_periods_ms(2, 79) == []
