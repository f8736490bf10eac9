"""A process that fills a store until it is killed: `store_child.py ROOT STEP COUNT`.

It appends rows of known values from several sources, seals and merges on the way, and says on its standard output
how many rows are durable. At the COUNT-th passing of the checkpoint named STEP it ends itself by SIGKILL; with
STEP "never" it goes on until somebody else does.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.storage.blocks.maintenance import MaintenanceSettings
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import Store, StoreSettings

SOURCES, SERIES, INTERVAL_MS, SPAN_MS = 4, 30, 1_000, 60_000
ROWS_PER_COMMIT = 7
SETTINGS = StoreSettings(
    head=HeadSettings(chunk_rows_max=20, block_span_ms=SPAN_MS),
    maintenance=MaintenanceSettings(seal_delay_ms=0, seal_quiet_ms=0, retention_ms=0),
)


def labels_of(source: int) -> LabelFrame:
    return LabelFrame.of(
        [{"__name__": f"metric_{s // 10}", "source": str(source), "series": str(s)} for s in range(SERIES)]
    )


def row_of(source: int, row: int) -> np.ndarray:  # type: ignore[type-arg]
    """The values of a row: no two rows or series are alike."""
    return row * 1_000.0 + source * 100.0 + np.arange(SERIES)


class SuicideAt:
    """A checkpoint that kills its own process when it has been passed often enough."""

    def __init__(self, step: str, count: int) -> None:
        self._step = step
        self._left = count

    def __call__(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def fill(root: Path, checkpoint: SuicideAt) -> None:
    store = Store(root, SETTINGS, ManualClock(now_ms=0), checkpoint)
    store.start()
    print("ready", store.head.stats().rows, flush=True)
    sources = [store.open_source(f"source-{number}", INTERVAL_MS) for number in range(SOURCES)]
    for number, source in enumerate(sources):
        source.set_layout(labels_of(number))
    row = max(0, (sources[0].last_ms() + INTERVAL_MS) // INTERVAL_MS)
    for block in store.blocks():
        row = max(row, block.meta.max_ms // INTERVAL_MS + 1)
    while True:
        for _ in range(ROWS_PER_COMMIT):
            for number, source in enumerate(sources):
                source.append_row(row * INTERVAL_MS, row_of(number, row))
            row += 1
        store.durable().result()
        print("durable", row, flush=True)
        if row * INTERVAL_MS // SPAN_MS != (row - ROWS_PER_COMMIT) * INTERVAL_MS // SPAN_MS:
            # The clock stands at 1970, so that every span counts as quiet; the time given decides what is over.
            store.maintenance.run(row * INTERVAL_MS + SPAN_MS * 13)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), SuicideAt(sys.argv[2], int(sys.argv[3])))
