from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.label_frame import group_codes
from monitor.promql.aggregation.exact_sums import group_sums
from monitor.promql.aggregation.groups import Groups

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def groups_of(numbers: list[int]) -> Groups:
    return Groups(group_codes(len(numbers), [np.array(numbers)]))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6)), min_size=1, max_size=200))
def test_groups_sum_up_exactly(rows: list[tuple[int, float]]) -> None:
    groups = groups_of([group for group, _ in rows])
    values = np.array([[value, -value] for _, value in rows])

    sums = group_sums(groups, values).total()

    for number, first in enumerate(groups.first.tolist()):
        members = [value for group, value in rows if group == rows[first][0]]
        assert sums[number].tolist() == pytest.approx([math.fsum(members), -math.fsum(members)], rel=1e-15)


@given(st.lists(st.floats(0, 1e300, allow_subnormal=False) | st.integers(0, 99).map(float), min_size=49, max_size=300))
def test_large_groups_of_one_sign_sum_up_to_the_last_digit(numbers: list[float]) -> None:
    values = np.array([[number, 1e-9 * number] for number in numbers])

    sums = group_sums(groups_of([0] * len(numbers)), values).total()

    assert sums.tolist() == [[math.fsum(column) for column in values.T.tolist()]]


def test_a_large_group_keeps_what_a_plain_sum_loses() -> None:
    values = np.array([[1e17], *[[1.0]] * 1000, [-1e17]])

    assert group_sums(groups_of([0] * 1002), values).total().tolist() == [[1000.0]]


@pytest.mark.parametrize("size", [3, 500])
def test_infinities_and_nan_sum_up_as_everywhere(size: int) -> None:
    values = np.ones((size, 4))
    values[1] = [math.inf, -math.inf, math.inf, math.nan]
    values[2] = [1.0, 1.0, -math.inf, 1.0]

    (sums,) = group_sums(groups_of([0] * size), values).total().tolist()

    assert sums[:2] == [math.inf, -math.inf]
    assert math.isnan(sums[2])
    assert math.isnan(sums[3])


def test_rows_of_a_group_need_not_stand_together() -> None:
    assert group_sums(groups_of([7, 5, 7, 5]), np.array([[1.0], [2.0], [4.0], [8.0]])).total().tolist() == [[5], [10]]
