"""What a store filled as store_child.py fills it must hold."""

from __future__ import annotations

import numpy as np
import store_child

from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.interfaces import Selection
from monitor.storage.store import Store

ALL_TIME_MS = (-(2**62), 2**62)


def complete_rows(store: Store) -> int:
    """Asserts that each source has all rows from 0 on, with their right values; how many each has at least."""
    counts = set()
    with store.reader() as reader:
        for source in range(store_child.SOURCES):
            selection = reader.select((Matcher("source", MatchOp.EQUAL, str(source)),), *ALL_TIME_MS)
            counts.add(_rows_of(source, selection) if selection.stripes else 0)
    return min(counts)


def _rows_of(source: int, selection: Selection) -> int:
    (stripe,) = selection.stripes
    rows = len(stripe.timestamps_ms)
    order = np.argsort([int(text) for text in selection.labels.take(stripe.rows).column("series").texts()])
    expected = np.stack([store_child.row_of(source, row) for row in range(rows)], axis=1)
    assert stripe.timestamps_ms.tolist() == [row * store_child.INTERVAL_MS for row in range(rows)]
    assert np.array_equal(stripe.values[order], expected)
    return rows
