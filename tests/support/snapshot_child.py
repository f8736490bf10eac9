"""A process that takes snapshots until it is killed: `snapshot_child.py ROOT STEP COUNT`; see store_child.py."""

from __future__ import annotations

import sys
from pathlib import Path

from manual_clock import ManualClock
from store_child import SETTINGS, SuicideAt
from stored_samples import append_rows, seal_all

from monitor.storage.store import Store

SERIES = [{"__name__": "up", "job": str(job)} for job in range(3)]


def main(root: Path, checkpoint: SuicideAt) -> None:
    store = Store(root, SETTINGS, ManualClock(now_ms=0), checkpoint)
    for number in range(10):
        append_rows(store, "target", SERIES, number * 10, (number + 1) * 10)
        if number % 3 == 2:
            seal_all(store)
        print("snapshot", store.snapshot(number * 1000), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), SuicideAt(sys.argv[2], int(sys.argv[3])))
