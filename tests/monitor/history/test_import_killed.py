"""SIGKILL at every step while samples are imported: nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import import_child
import pytest
import store_child
from stored_samples import stored_samples

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


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_loses_nothing_acknowledged(tmp_path: Path, step: str) -> None:
    paths = [str(Path(__file__).parents[3]), str(Path(import_child.__file__).parent)]
    child = subprocess.run(
        [sys.executable, import_child.__file__, str(tmp_path), step, "9" if "r" in step[:2] else "2"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    acknowledged = max((int(line.split()[1]) for line in child.stdout.splitlines()), default=0)
    store = Store(tmp_path, store_child.SETTINGS, SystemClock())
    times = {(labels["i"], time) for labels, time in stored_samples(store)}
    store.close()
    expected = {(str(i), row * 10_000) for i in range(import_child.SERIES) for row in range(acknowledged)}
    assert acknowledged
    assert expected <= times
