from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.samples import ABSENT, STALE, Indices, Values, is_absent, is_stale
from monitor.promql.ranges.gaps import batches_without_gaps
from monitor.promql.ranges.windows import Batch

cell = st.sampled_from([1.0, 2.0, float("nan"), STALE, ABSENT, ABSENT])


def batch_of(matrices: list[Values]) -> Batch:
    """One vector for each matrix (R, N), at the times v, v + 1, ..."""
    sizes = np.array([matrix.shape[1] for matrix in matrices])
    vector_of_row = np.repeat(np.arange(len(matrices)), [len(matrix) for matrix in matrices])
    row_sizes = sizes[vector_of_row]
    return Batch(
        np.arange(len(vector_of_row)),
        np.concatenate([vector + np.arange(size) for vector, size in enumerate(sizes.tolist())]),
        np.cumsum(sizes) - sizes,
        np.concatenate([matrix.reshape(-1) for matrix in matrices]),
        np.cumsum(row_sizes) - row_sizes,
        vector_of_row if len(matrices) > 1 else None,
    )


def samples_of(batch: Batch) -> dict[int, list[tuple[int, str]]]:
    """(time, value) of the samples of each row."""
    vectors: Indices = np.zeros(len(batch.rows), np.intp) if batch.vector_of_row is None else batch.vector_of_row
    found = {}
    for place, row in enumerate(batch.rows.tolist()):
        size = int(batch.row_sizes[place])
        assert size == batch.vector_sizes[vectors[place]]
        times = batch.timestamps_ms[batch.vector_starts[vectors[place]] :][:size]
        values = batch.values[batch.row_starts[place] :][:size]
        found[row] = [(time, value.hex()) for time, value in zip(times.tolist(), values.tolist(), strict=True)]
    return found


@st.composite
def matrices(draw: st.DrawFn) -> list[Values]:
    shapes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), min_size=1, max_size=4))
    return [np.array([[draw(cell) for _ in range(size)] for _ in range(rows)]) for rows, size in shapes]


@pytest.mark.parametrize("keep_stale", [True, False])
@given(matrices())
def test_every_sample_is_in_exactly_one_batch(keep_stale: bool, every: list[Values]) -> None:
    batch = batch_of(every)
    is_gap = is_absent(batch.values) | (is_stale(batch.values) & (not keep_stale))
    expected = {}
    for row, start in enumerate(batch.row_starts.tolist()):
        kept = ~is_gap[start : start + batch.row_sizes[row]]
        vector = 0 if batch.vector_of_row is None else int(batch.vector_of_row[row])
        times, values = vector + np.flatnonzero(kept), batch.values[start : start + batch.row_sizes[row]][kept]
        if kept.any():
            expected[row] = [(at, value.hex()) for at, value in zip(times.tolist(), values.tolist(), strict=True)]

    found = [samples_of(part) for part in batches_without_gaps(batch, keep_stale=keep_stale)]

    assert sum(map(len, found)) == len(expected)
    assert {row: samples for part in found for row, samples in part.items()} == expected


def test_a_scrape_that_failed_leaves_rows_together() -> None:
    failed = np.array([[1, ABSENT, 2], [3, ABSENT, 4]])

    (part,) = batches_without_gaps(batch_of([failed, np.ones((2, 2))]), keep_stale=False)

    assert part.rows.tolist() == [0, 1, 2, 3]
    assert part.vector_sizes.tolist() == [2, 2]
