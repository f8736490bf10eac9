from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.samples import Values
from monitor.promql.ranges.batches import batches
from monitor.promql.ranges.window_sums import walk_is_cheaper, window_counts, window_sums
from monitor.promql.ranges.windows import DensePiece, Pieces, Windows, windows_of
from monitor.promql.steps import Steps

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
"""The engine switches NumPy's floating point warnings off."""

numbers = st.one_of(
    st.floats(-1e3, 1e3),
    st.sampled_from([1e17, -1e17, 0.1, 1e-9, 1e300, -1e300]),
)


def overlapping(rows: Values, length: int) -> Windows:
    """Windows of up to `length` samples that end at each sample."""
    samples = rows.shape[1]
    piece = DensePiece(np.arange(len(rows)), np.arange(samples, dtype=np.int64), rows)
    (batch,) = batches(Pieces([piece]), samples)
    steps = Steps(0, 1, samples)
    return windows_of(batch, steps, length, steps.times_ms())


def each_window(row: Values, length: int, definition: Callable[[list[float]], float]) -> list[float]:
    return [definition(row[max(0, end - length) : end].tolist()) for end in range(1, len(row) + 1)]


def kahan_sum(samples: list[float]) -> float:
    """Kahan's summation as improved by Neumaier, sample by sample."""
    total = rest = 0.0
    for sample in samples:
        larger, smaller = (total, sample) if abs(total) >= abs(sample) else (sample, total)
        total += sample
        rest += (larger - total) + smaller
    return total + rest


@given(st.lists(numbers, min_size=1, max_size=60), st.integers(1, 30))
def test_a_walk_adds_as_upstream_does(samples: list[float], length: int) -> None:
    row = np.array([samples])
    windows = overlapping(row, length)

    sums = window_sums(windows, windows.batch.values).total()

    assert sums[0].tolist() == each_window(row[0], length, kahan_sum)


@pytest.mark.parametrize("scale", [1.0, 1e9, 1e-9])
def test_many_overlapping_windows_sum_up_exactly(scale: float) -> None:
    rows = np.random.default_rng(1).normal(size=(40, 900)).cumsum(axis=1) * scale
    windows = overlapping(rows, 300)
    assert not walk_is_cheaper(windows, 12, 16)

    sums = window_sums(windows, windows.batch.values).total()

    for got, row in zip(sums, rows, strict=True):
        assert got.tolist() == pytest.approx(each_window(row, 300, math.fsum), rel=1e-13)


@pytest.mark.parametrize("largest", [2**20, 2**43, 2**52])
def test_whole_numbers_sum_up_exactly_where_they_can(largest: int) -> None:
    rows = np.random.default_rng(1).integers(-largest, largest, (40, 900)).astype(np.float64)
    windows = overlapping(rows, 300)
    assert not walk_is_cheaper(windows, 12, 16)

    sums = window_sums(windows, windows.batch.values).total()

    assert sums.tolist() == [each_window(row, 300, math.fsum) for row in rows]


def test_what_is_not_finite_stays_in_its_own_windows() -> None:
    rows = np.ones((50, 900))
    rows[0, 10], rows[1, 10], rows[2, 10], rows[2, 20] = math.nan, math.inf, math.inf, -math.inf
    windows = overlapping(rows, 300)
    assert not walk_is_cheaper(windows, 12, 16)

    sums = window_sums(windows, windows.batch.values).total()

    assert np.isnan(sums[0]).nonzero()[0].tolist() == list(range(10, 310))
    assert np.isinf(sums[1]).nonzero()[0].tolist() == list(range(10, 310))
    assert np.isnan(sums[2]).nonzero()[0].tolist() == list(range(20, 310))
    assert sums[:3, 320:].tolist() == [[300.0] * 580] * 3


def test_counts_are_those_of_the_window() -> None:
    windows = overlapping(np.zeros((1, 6)), 3)
    marks = np.array([True, False, True, True, False, False])

    assert window_counts(windows, marks).tolist() == [[1, 1, 2, 2, 2, 1]]


def test_an_empty_window_sums_up_to_nothing() -> None:
    piece = DensePiece(np.arange(1), np.array([100], np.int64), np.ones((1, 1)))
    (batch,) = batches(Pieces([piece]), 2)
    steps = Steps(10, 10, 2)
    windows = windows_of(batch, steps, 5, steps.times_ms())

    assert window_sums(windows, batch.values).total().tolist() == [[0, 0]]
