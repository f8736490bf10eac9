"""SIGKILL at every step while samples are being deleted: none comes back, and no other is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import deletion_child
import numpy as np
import pytest
import store_child

from monitor.clock import SystemClock
from monitor.model.samples import is_absent
from monitor.storage.store import Store

STEPS = (
    "rows: before commit",
    "rows: after commit",
    "cuts: before commit",
    "cuts: after commit",
    "seal: block written",
    "seal: journal cleared",
    "merge: block written",
    "merge: parents deleted",
)
Key = tuple[int, int, int]
"""(source, series, row)"""


def run_child(root: Path, step: str, count: int) -> tuple[int, int]:
    """(durable rows, deletions done) of a process that killed itself."""
    paths = [str(Path(__file__).parents[3]), str(Path(deletion_child.__file__).parent)]
    child = subprocess.run(
        [sys.executable, deletion_child.__file__, str(root), step, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    said = {"durable": 0, "deleted": 0}
    for line in child.stdout.splitlines():
        word, number = line.split()
        said[word] = int(number)
    return said["durable"], said["deleted"]


def stored(root: Path) -> set[Key]:
    store = Store(root, store_child.SETTINGS, SystemClock())
    found = set()
    try:
        with store.reader() as reader:
            selection = reader.select((), -(2**62), 2**62)
        labels = selection.labels.all_labels()
        for stripe in selection.stripes:
            for i, j in zip(*np.nonzero(~is_absent(stripe.values)), strict=True):
                each = labels[stripe.rows[i]]
                row = int(stripe.timestamps_ms[j]) // store_child.INTERVAL_MS
                key = int(each["source"]), int(each["series"]), row
                assert stripe.values[i, j] == store_child.row_of(key[0], row)[key[1]]
                found.add(key)
    finally:
        store.close()
    return found


def cells_of(deletions: range) -> set[Key]:
    """What these deletions take away."""
    return {
        (source, series, row)
        for deletion in deletions
        for series, first, last in [deletion_child.deleted_cells(deletion)]
        for source in range(store_child.SOURCES)
        for row in range(first, last + 1)
    }


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("count", [1, 2])
def test_a_kill_at_any_step_brings_nothing_deleted_back(tmp_path: Path, step: str, count: int) -> None:
    durable, done = run_child(tmp_path, step, count if "seal" in step or "merge" in step else 13 * count)
    found = stored(tmp_path)
    appended = {
        (source, series, row)
        for source in range(store_child.SOURCES)
        for series in range(store_child.SERIES)
        for row in range(durable)
    }
    assert not found & cells_of(range(done))
    # The deletion under way may have happened or not.
    assert appended - found <= cells_of(range(done + 1))


def test_deleted_samples_stay_away_when_everything_is_written_anew(tmp_path: Path) -> None:
    durable, done = run_child(tmp_path, "rows: before commit", 70)
    store = Store(tmp_path, store_child.SETTINGS, SystemClock())
    store.maintenance.run(2**50)
    store.clean_tombstones()
    assert store.tombstones.entries == ()
    store.close()
    found = stored(tmp_path)
    assert not found & cells_of(range(done))
    assert len(found) >= durable * store_child.SOURCES * store_child.SERIES - len(cells_of(range(done + 1)))
