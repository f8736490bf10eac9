"""What writing a block lets others do in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.storage.blocks.block_writer import BlockWriter
from monitor.storage.blocks.pieces import Piece


def test_a_block_gives_way_before_each_slab(tmp_path: Path) -> None:
    turns: list[None] = []
    writer = BlockWriter(tmp_path / "block.sqlite", lambda: turns.append(None))
    labels = LabelFrame.of([{"__name__": "requests"}, {"__name__": "seconds"}])
    piece = Piece(np.arange(2), np.arange(5) * 1_000, np.ones((2, 5)), is_dense=True)

    writer.add_source("target", labels, [piece])

    assert len(turns) == 2
    writer.abandon()
