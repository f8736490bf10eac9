"""The made-up old blocks are blocks: the store opens them and finds what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from workloads.dead_series import DAY_MS, SERIES_PER_SOURCE, write_dead_series

from monitor.storage.blocks.block import Block

NOW_MS = 1_800_000_000_000


def test_dead_series_are_spread_over_blocks_of_a_day_each(tmp_path: Path) -> None:
    write_dead_series(tmp_path, 3 * SERIES_PER_SOURCE, 2, NOW_MS)
    blocks = [Block(path) for path in tmp_path.glob("*.sqlite")]

    assert sorted(block.meta.series for block in blocks) == [SERIES_PER_SOURCE, 2 * SERIES_PER_SOURCE]
    assert max(block.meta.max_ms for block in blocks) < NOW_MS - DAY_MS
    assert len({block.meta.min_ms // DAY_MS for block in blocks}) == 2
    for block in blocks:
        block.check_index()
        labels = block.labels(np.arange(block.meta.series, dtype=np.uint32)).all_labels()
        assert len(set(labels)) == block.meta.series
        block.close()


def test_no_dead_series_make_no_block(tmp_path: Path) -> None:
    write_dead_series(tmp_path, 0, 2, NOW_MS)

    assert list(tmp_path.iterdir()) == []
