"""Matrices that are reduced block by block give what they give as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.model.label_frame import LabelFrame
from monitor.promql.aggregation.groups import Groups

ROWS, STEPS, GROUPS = 6_000, 400, 7


@pytest.mark.parametrize("operation", [np.add, np.maximum], ids=["add", "maximum"])
def test_a_large_matrix_is_reduced_as_a_small_one_is(operation: np.ufunc) -> None:
    labels = LabelFrame.of([{"group": str(row % GROUPS)} for row in range(ROWS)])
    cells = np.random.default_rng(1).integers(0, 100, (ROWS, STEPS)).astype(float)

    reduced = Groups(labels.group()).reduce(operation, cells)

    wanted = np.stack([operation.reduce(cells[group::GROUPS], axis=0) for group in range(GROUPS)])
    assert np.array_equal(reduced, wanted)
