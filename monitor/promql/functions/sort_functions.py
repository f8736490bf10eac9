"""sort, sort_desc, sort_by_label and sort_by_label_desc: the order of an instant query's result."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

import numpy as np

from monitor.model.label_frame import Rows
from monitor.promql.functions.natural_order import is_before
from monitor.promql.values import Vector


def sorted_by_value(vector: Vector, *, descending: bool) -> Vector:
    """By the value at the only step, NaN last. At several steps there is no order, and the vector stays as it is."""
    if vector.steps != 1:
        return vector
    values = vector.values[:, 0]
    rows = np.argsort(-values if descending else values, kind="stable")
    return vector.take(rows, vector.labels.take(rows))


def sorted_by_labels(vector: Vector, names: Sequence[str], *, descending: bool) -> Vector:
    """By the values of the labels `names` in natural order, then by all labels; in an instant query only."""
    if vector.steps != 1:
        return vector
    columns = [vector.labels.column(name).texts() for name in names]
    position = np.empty(vector.size, np.intp)
    position[vector.labels.order()] = np.arange(vector.size)

    def compare(a: int, b: int) -> int:
        for texts in columns:
            if texts[a] != texts[b]:
                return -1 if is_before(texts[a], texts[b]) else 1
        return int(position[a] - position[b])

    rows: Rows = np.array(sorted(range(vector.size), key=cmp_to_key(compare), reverse=descending), np.intp)
    return vector.take(rows, vector.labels.take(rows))
