"""The rest of a row that comes in several parts."""

from __future__ import annotations

import numpy as np

from monitor.model.samples import ABSENT, is_absent
from monitor.storage.head.chunk import Chunk, ChunkLayout


def chunk_with_row(*columns: int) -> Chunk:
    """A chunk of three columns with a row at 10 that has a sample, 1.0, in each of `columns`."""
    chunk = Chunk(1, 1, ChunkLayout(np.arange(3, dtype=np.uint32), np.zeros(3, np.int32)), 4, 100, ordered=True, pace=0)
    chunk.extend(np.array([10]), 1, np.ones((1, len(columns))), np.array(columns))
    return chunk


def test_absent_cells_of_the_last_row_are_filled_and_others_stay() -> None:
    chunk = chunk_with_row(1)
    assert chunk.ends_with(np.array([10]))
    chunk.fill_last(np.array([2, 1]), np.array([5.0, 6.0]))
    chunk.fill_last(slice(0, 1), np.array([ABSENT]))
    assert is_absent(chunk.values[0]).tolist() == [True, False, False]
    assert chunk.values[0, 1:].tolist() == [1.0, 5.0]


def test_cells_of_a_row_that_is_journaled_are_to_be_journaled() -> None:
    chunk = chunk_with_row(0)
    chunk.fill_last(slice(1, 2), np.array([2.0]))
    assert chunk.cells == []
    chunk.journaled_rows = chunk.rows
    chunk.fill_last(np.array([0, 2]), np.array([8.0, 3.0]))
    (cells,) = chunk.cells
    assert (cells.rows.tolist(), cells.columns.tolist(), cells.values.tolist()) == ([0], [2], [3.0])


def test_other_times_are_not_that_of_the_last_row() -> None:
    chunk = chunk_with_row(0)
    assert not chunk.ends_with(np.array([9]))
    assert not chunk.ends_with(np.array([10, 11]))
