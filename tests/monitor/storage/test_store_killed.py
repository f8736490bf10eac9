"""SIGKILL at every step that a crash may fall into: nothing that was called durable is lost, nothing is corrupt."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import store_child
from filled_store import complete_rows

from monitor.clock import SystemClock
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


def assert_complete(root: Path, durable: int) -> None:
    """After a start, every source has all rows from 0 on, at least `durable` of them."""
    store = Store(root, store_child.SETTINGS, SystemClock())
    try:
        assert complete_rows(store) >= durable
    finally:
        store.close()


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
