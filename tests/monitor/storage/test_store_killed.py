"""SIGKILL at every step that a crash may fall into: nothing that was called durable is lost, nothing is corrupt."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import store_child

from monitor.clock import SystemClock
from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.interfaces import Selection
from monitor.storage.store import Store

STEPS = (
    "rows: before commit",
    "rows: after commit",
    "cuts: before commit",
    "cuts: after commit",
    "seal: block written",
    "seal: journal cleared",
    "merge: block written",
)
ALL_TIME_MS = (-(2**62), 2**62)


def run_child(root: Path, step: str, count: int, kill_after_seconds: float | None = None) -> int:
    """Runs the filling process until it is killed; the number of rows it had called durable."""
    paths = [str(Path(__file__).parents[3]), str(Path(store_child.__file__).parent)]
    child = subprocess.Popen(
        [sys.executable, store_child.__file__, str(root), step, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert child.stdout is not None
    assert child.stdout.readline().startswith("ready")
    if kill_after_seconds is not None:
        time.sleep(kill_after_seconds)
        child.kill()
    durable = 0
    for line in child.stdout:
        if line.endswith("\n"):
            durable = int(line.split()[1])
    child.stdout.close()
    assert child.wait(30) == -signal.SIGKILL
    return durable


def assert_complete(root: Path, durable: int) -> int:
    """Every source has all rows from 0 on, at least `durable` of them, with their right values; how many it has."""
    store = Store(root, store_child.SETTINGS, SystemClock())
    counts = set()
    try:
        with store.reader() as reader:
            for source in range(store_child.SOURCES):
                selection = reader.select((Matcher("source", MatchOp.EQUAL, str(source)),), *ALL_TIME_MS)
                counts.add(assert_rows_of(source, selection) if selection.stripes else 0)
    finally:
        store.close()
    assert min(counts) >= durable
    return min(counts)


def assert_rows_of(source: int, selection: Selection) -> int:
    (stripe,) = selection.stripes
    rows = len(stripe.timestamps_ms)
    order = np.argsort([int(text) for text in selection.labels.take(stripe.rows).column("series").texts()])
    expected = np.stack([store_child.row_of(source, row) for row in range(rows)], axis=1)
    assert stripe.timestamps_ms.tolist() == [row * store_child.INTERVAL_MS for row in range(rows)]
    assert np.array_equal(stripe.values[order], expected)
    return rows


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_loses_nothing_durable(tmp_path: Path, step: str) -> None:
    for count in (1, 2):
        durable = run_child(tmp_path, step, count)
        assert_complete(tmp_path, durable)


def test_kills_at_random_moments_lose_nothing_durable(tmp_path: Path) -> None:
    moments = random.Random(5)
    for _ in range(4):
        durable = run_child(tmp_path, "never", 0, kill_after_seconds=moments.uniform(0.1, 0.8))
        assert_complete(tmp_path, durable)
