"""A process that imports until it is killed: `import_child.py ROOT STEP COUNT`; see store_child.py.

It says on its standard output how many rows of the import are acknowledged.
"""

from __future__ import annotations

import sys
from pathlib import Path

from manual_clock import ManualClock
from store_child import SETTINGS, SPAN_MS, SuicideAt

from monitor.history.imports.importer import Importer, ImportFormat
from monitor.storage.store import Store

ROWS_PER_PIECE, PIECES, SERIES = 50, 40, 3


def lines_of(piece: int) -> bytes:
    """Every row is ten seconds after the one before."""
    rows = range(piece * ROWS_PER_PIECE, (piece + 1) * ROWS_PER_PIECE)
    return b"".join(b'a{i="%d"} %d %d\n' % (i, row, row * 10_000) for row in rows for i in range(SERIES))


def main(root: Path, checkpoint: SuicideAt) -> None:
    store = Store(root, SETTINGS, ManualClock(now_ms=0), checkpoint)
    store.start()
    importer = Importer(store, ImportFormat.PROMETHEUS, 1_000)
    for piece in range(PIECES):
        importer.feed(lines_of(piece))
        store.durable().result()
        print("acknowledged", (piece + 1) * ROWS_PER_PIECE, flush=True)
        if piece % 4 == 3:
            store.maintenance.run((piece + 1) * ROWS_PER_PIECE * 10_000 + SPAN_MS * 13)


if __name__ == "__main__":
    main(Path(sys.argv[1]), SuicideAt(sys.argv[2], int(sys.argv[3])))
