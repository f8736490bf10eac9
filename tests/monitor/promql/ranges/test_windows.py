from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.label_frame import LabelFrame
from monitor.model.samples import ABSENT, STALE, Timestamps
from monitor.promql.ranges.batches import CELLS_PER_BATCH, batches
from monitor.promql.ranges.windows import Batch, DensePiece, Pieces, pieces_of, samples_until, windows_of, without_gaps
from monitor.promql.steps import Steps
from monitor.storage.interfaces import Selection, Stripe

times = st.lists(st.integers(-50, 200), min_size=1, max_size=20, unique=True).map(sorted)


def piece(timestamps_ms: list[int], rows: list[int], start: float = 0.0) -> DensePiece:
    values = start + np.arange(len(rows) * len(timestamps_ms), dtype=np.float64).reshape(len(rows), -1)
    return DensePiece(np.array(rows), np.array(timestamps_ms, np.int64), values)


def evaluated(steps: Steps) -> Timestamps:
    return steps.times_ms()


@given(st.lists(times, min_size=1, max_size=4), st.integers(-20, 150), st.integers(1, 40), st.integers(1, 9))
def test_samples_are_counted_up_to_each_step(vectors: list[list[int]], start: int, step: int, count: int) -> None:
    pieces = [piece(vector, [row]) for row, vector in enumerate(vectors)]
    steps = Steps(start, step, count)
    (batch,) = batches(Pieces(pieces), count)

    counted = samples_until(batch, steps)

    assert counted.tolist() == [[sum(at <= t for at in vector) for t in steps.times_ms()] for vector in vectors]


def test_a_window_holds_its_end_but_not_its_start() -> None:
    (batch,) = batches(Pieces([piece([10, 20, 30, 40], [0])]), 1)

    found = windows_of(batch, Steps.instant(40), 20, evaluated(Steps.instant(40)))

    assert (found.first.item(), found.end.item()) == (2, 4)


def test_steps_may_all_be_the_same() -> None:
    (batch,) = batches(Pieces([piece([10, 20], [0]), piece([15], [1])]), 3)

    assert samples_until(batch, Steps(17, 0, 3)).tolist() == [[1, 1, 1], [1, 1, 1]]


def test_small_pieces_are_laid_end_to_end() -> None:
    (batch,) = batches(Pieces([piece([1, 2], [4, 2]), piece([3, 4, 5], [7], start=10.0)]), 1)

    assert batch.rows.tolist() == [4, 2, 7]
    assert batch.values.tolist() == [0, 1, 2, 3, 10, 11, 12]
    assert batch.vector_of_row is not None
    assert batch.vector_of_row.tolist() == [0, 0, 1]
    assert batch.matrix(batch.values).tolist() == [[0, 1, 0], [2, 3, 0], [10, 11, 12]]


def test_a_large_piece_is_cut_into_slices_without_a_copy() -> None:
    rows = 5 * CELLS_PER_BATCH // 1000
    large = DensePiece(np.arange(rows), np.arange(3, dtype=np.int64), np.ones((rows, 3)))

    cut = list(batches(Pieces([large]), 1000))

    assert len(cut) > 3
    assert all(np.shares_memory(batch.values, large.values) for batch in cut)
    assert np.concatenate([batch.rows for batch in cut]).tolist() == list(range(rows))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40)), max_size=30), st.integers(1, 5000))
def test_every_row_is_in_exactly_one_batch(shapes: list[tuple[int, int]], steps: int) -> None:
    starts = np.cumsum([0, *(rows for rows, _ in shapes)]).tolist()
    pieces = [
        piece(list(range(samples)), list(range(start, start + rows)))
        for start, (rows, samples) in zip(starts[:-1], shapes, strict=True)
    ]

    found = [batch.rows for batch in batches(Pieces(pieces), steps)]

    assert sorted(np.concatenate([*found, np.empty(0, np.intp)]).tolist()) == list(range(starts[-1]))


def test_rows_with_gaps_get_their_own_timestamps() -> None:
    values = np.array([[1, 2, 3], [4, ABSENT, STALE], [5, 6, 7]])
    stripe = Stripe(np.array([3, 5, 8]), np.array([10, 20, 30], np.int64), values, dense=False)

    without_stale = pieces_of(Selection(LabelFrame(9, {}), (stripe,)), keep_stale=False)
    with_stale = pieces_of(Selection(LabelFrame(9, {}), (stripe,)), keep_stale=True)

    assert without_stale.dense[0].rows.tolist() == [3, 8]
    assert without_stale.ragged[0].timestamps_ms.tolist() == [10]
    assert with_stale.ragged[0].timestamps_ms.tolist() == [10, 30]


def test_a_column_without_any_sample_leaves_no_gap() -> None:
    three = piece([10, 20, 30], [0, 1])

    found = without_gaps(three, np.array([[True, False, True], [True, False, True]]))

    assert not found.ragged
    assert found.dense[0].timestamps_ms.tolist() == [10, 30]
    assert found.dense[0].values.tolist() == [[0, 2], [3, 5]]


def test_a_row_without_samples_is_in_no_piece() -> None:
    found = without_gaps(piece([10, 20], [0, 1]), np.array([[True, True], [False, False]]))

    assert [each.rows.tolist() for each in found.dense] == [[0]]
    assert not found.ragged


def test_drops_are_not_seen_across_rows() -> None:
    (batch,) = batches(Pieces([piece([1, 2], [0], start=9.0), piece([1, 2, 3], [1])]), 1)

    assert batch.values.tolist() == [9, 10, 0, 1, 2]
    assert not batch.drops().any()


def test_some_rows_of_a_batch_have_the_same_windows() -> None:
    (batch,) = batches(Pieces([piece([1, 2], [0, 1]), piece([1, 2, 3], [2], start=7.0)]), 1)
    found = windows_of(batch, Steps.instant(3), 2, evaluated(Steps.instant(3)))

    part = found.of_rows(np.array([1, 2]))

    assert part.values_at(part.last).tolist() == [[3], [9]]
    assert isinstance(part.batch, Batch)
