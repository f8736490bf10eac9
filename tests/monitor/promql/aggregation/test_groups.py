from __future__ import annotations

import numpy as np
import pytest

from monitor.model.label_frame import group_codes
from monitor.promql.aggregation.groups import Groups


def groups_of(numbers: list[int]) -> Groups:
    return Groups(group_codes(len(numbers), [np.array(numbers, np.intp)]))


@pytest.mark.parametrize("columns", [1, 5000], ids=["by reduceat", "group by group"])
def test_rows_are_reduced_by_group_in_order_of_appearance(columns: int) -> None:
    cells = np.tile(np.array([[1.0], [5.0], [3.0], [4.0]]), (1, columns))

    reduced = groups_of([8, 2, 8, 2]).reduce(np.fmax, cells)

    assert reduced.shape == (2, columns)
    assert reduced[:, 0].tolist() == [3.0, 5.0]


def test_rows_that_stand_by_group_are_not_moved() -> None:
    assert groups_of([1, 1, 4]).order is None
    assert groups_of([1, 4, 1]).order is not None


def test_cells_are_counted_by_group() -> None:
    groups = groups_of([1, 4, 1])

    assert groups.count(None, 2).tolist() == [[2, 2], [1, 1]]
    assert groups.count(np.array([[True], [True], [False]]), 1).tolist() == [[1], [1]]


def test_groups_of_one_row_each_are_unique() -> None:
    assert groups_of([3, 1]).is_unique
    assert not groups_of([3, 3]).is_unique


def test_no_rows_are_no_groups() -> None:
    groups = groups_of([])

    assert groups.size == 0
    assert groups.reduce(np.add, np.empty((0, 3))).shape == (0, 3)
