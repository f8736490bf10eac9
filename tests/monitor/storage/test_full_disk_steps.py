"""The disk fills up at any step of a commit, a flush or a merge: nothing is lost, and it goes on once there is room."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import store_child
from filled_store import complete_rows
from manual_clock import ManualClock
from small_disk import SmallDisk, small_disk

from monitor.errors import StorageFull
from monitor.storage.store import Store

DISK_BYTES = 16 * 2**20
ROWS = 150
"""Two spans and a half."""
OVER_MS = ROWS * store_child.INTERVAL_MS + store_child.SPAN_MS * 13
# The step behind which the disk is full, how often it is passed until then, and the file that has no room.
FULL_AFTER = {
    "a commit of rows": ("rows: before commit", 3, "journal.sqlite"),
    "a commit of slabs": ("cuts: before commit", 1, "journal.sqlite"),
    "a flush, when the journal lets go": ("seal: block written", 1, "journal.sqlite"),
    "a flush, while its block is written": ("seal: journal cleared", 1, ".tmp"),
    "a merge, when it is done": ("merge: block written", 1, "journal.sqlite"),
}


class FillingUp:
    """A checkpoint behind which the disk is full, once."""

    def __init__(self, disk: SmallDisk, step: str, count: int) -> None:
        self._disk = disk
        self._at = (step, count)
        self._seen: Counter[str] = Counter()

    def __call__(self, step: str) -> None:
        self._seen[step] += 1
        if (step, self._seen[step]) == self._at:
            self._disk.fill()


@pytest.fixture
def disk(tmp_path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        yield disk


def append_rows(store: Store) -> int:
    """Appends rows until all are in or the disk is full; how many are in every source."""
    sources = [store.open_source(f"source-{number}", store_child.INTERVAL_MS) for number in range(store_child.SOURCES)]
    for number, source in enumerate(sources):
        source.set_layout(store_child.labels_of(number))
    for row in range(ROWS):
        for number, source in enumerate(sources):
            source.append_row(row * store_child.INTERVAL_MS, store_child.row_of(number, row))
        try:
            store.committer.commit_once()
        except StorageFull:
            return row + 1
    return ROWS


def assert_it_goes_on(store: Store, disk: SmallDisk, rows: int) -> None:
    """All rows are there while the disk is full, when there is room again, and after a restart."""
    assert complete_rows(store) == rows

    disk.make_room()
    store.maintenance.run(OVER_MS)
    assert complete_rows(store) == rows
    assert not list(store.directory.blocks.glob("*.tmp"))
    store.close()

    reopened = Store(store.directory.root, store_child.SETTINGS, ManualClock(now_ms=0))
    assert complete_rows(reopened) == rows
    reopened.close()


@pytest.mark.parametrize("place", FULL_AFTER)
def test_a_disk_that_fills_up_at_any_step_loses_nothing(disk, place):
    step, count, file = FULL_AFTER[place]
    store = Store(disk.path / "data", store_child.SETTINGS, ManualClock(now_ms=0), FillingUp(disk, step, count))
    rows = append_rows(store)

    with pytest.raises(StorageFull, match=f"{re.escape(file)}: .*full"):
        store.maintenance.run(OVER_MS)
        store.committer.commit_once()

    assert_it_goes_on(store, disk, rows)


def test_a_disk_that_fills_up_while_a_merged_block_is_written_loses_nothing(disk):
    store = Store(disk.path / "data", store_child.SETTINGS, ManualClock(now_ms=0))
    rows = append_rows(store)
    for end_ms in range(store_child.SPAN_MS, ROWS * store_child.INTERVAL_MS + store_child.SPAN_MS, store_child.SPAN_MS):
        store.maintenance.seal(end_ms)
    disk.fill()

    with pytest.raises(StorageFull, match=r"\.tmp: .*full"):
        store.maintenance.run(OVER_MS)

    assert_it_goes_on(store, disk, rows)
