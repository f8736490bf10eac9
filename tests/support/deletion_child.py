"""A process that appends and deletes until it is killed: `deletion_child.py ROOT STEP COUNT`; see store_child.py.

After each commit of ROWS_PER_COMMIT rows it deletes, from all sources, a few samples of one series. It says on its
standard output how many rows are durable and how many deletions are done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from manual_clock import ManualClock
from store_child import INTERVAL_MS, ROWS_PER_COMMIT, SERIES, SETTINGS, SOURCES, SPAN_MS, SuicideAt, labels_of, row_of

from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.store import Store

ROUNDS = 60


def deleted_cells(deletion: int) -> tuple[int, int, int]:
    """(series, first row, last row) of a deletion: rows of this round and of the one before."""
    end = (deletion + 1) * ROWS_PER_COMMIT
    return deletion % SERIES, max(0, end - ROWS_PER_COMMIT - 3), end - 3


def fill(root: Path, checkpoint: SuicideAt) -> None:
    store = Store(root, SETTINGS, ManualClock(now_ms=0), checkpoint)
    sources = [store.open_source(f"source-{number}", INTERVAL_MS) for number in range(SOURCES)]
    for number, source in enumerate(sources):
        source.set_layout(labels_of(number))
    for deletion in range(ROUNDS):
        for row in range(deletion * ROWS_PER_COMMIT, (deletion + 1) * ROWS_PER_COMMIT):
            for number, source in enumerate(sources):
                source.append_row(row * INTERVAL_MS, row_of(number, row))
        store.committer.commit_once()
        print("durable", (deletion + 1) * ROWS_PER_COMMIT, flush=True)
        series, first, last = deleted_cells(deletion)
        selector = (Matcher("series", MatchOp.EQUAL, str(series)),)
        store.delete_series([selector], first * INTERVAL_MS, last * INTERVAL_MS)
        print("deleted", deletion + 1, flush=True)
        if deletion % 10 == 9:
            store.maintenance.run((deletion + 1) * ROWS_PER_COMMIT * INTERVAL_MS + SPAN_MS * 13)
        if deletion % 15 == 14:
            store.clean_tombstones()


if __name__ == "__main__":
    fill(Path(sys.argv[1]), SuicideAt(sys.argv[2], int(sys.argv[3])))
