from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.aggregation.top_heap import top_positions

values = st.one_of(st.integers(0, 4).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))


def rank(value: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(value) else (False, -value)


@given(st.lists(values, max_size=60), st.integers(0, 30))
def test_the_largest_values_come_from_the_largest_down(every: list[float], count: int) -> None:
    chosen = [every[position] for position in top_positions(every, count)]

    assert [rank(value) for value in chosen] == sorted(map(rank, every))[:count]


@given(st.lists(values, max_size=60), st.integers(1, 30))
def test_no_position_comes_twice(every: list[float], count: int) -> None:
    positions = top_positions(every, count)

    assert len(set(positions)) == len(positions) == min(count, len(every))


@pytest.mark.parametrize(
    ("every", "count", "want"),
    [
        ([1, 1, 1, 1], 2, [0, 1]),
        ([1, 1, 2], 2, [2, 1]),
        ([5, 7, 7], 2, [2, 1]),
        ([3, 3, 9, 9], 3, [3, 2, 1]),
    ],
)
def test_which_of_equal_values_stay_is_decided_by_the_heap(every: list[float], count: int, want: list[int]) -> None:
    assert top_positions(every, count) == want
