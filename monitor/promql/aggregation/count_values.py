"""count_values: how many series have which value."""

from __future__ import annotations

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.promql.aggregation.aggregations import grouping_names
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_plain
from monitor.promql.functions.label_functions import is_label_name
from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.nodes import Aggregation
from monitor.promql.values import Vector


def count_values(node: Aggregation, vector: Vector, label: str, context: QueryContext) -> Vector:
    """One series for each group and value that occurs, with the value as the label `label`."""
    if not is_label_name(label):
        raise EvaluationError(f"invalid label name {quote_text(label)}")
    rows, steps = np.nonzero(vector.mask())
    if not len(rows):
        return Vector.empty(vector.steps)
    # By their bits: 0 and -0 are equal and yet spelled differently.
    bits, value_of_cell = np.unique(vector.values[rows, steps].view(np.int64), return_inverse=True)
    values = bits.view(np.float64)
    context.limits.check_cells(len(values), vector.steps)
    # One candidate for each combination of series and value; those that end up with the same labels are one.
    candidates, candidate_of_cell = np.unique(rows * len(values) + value_of_cell, return_inverse=True)
    texts = LabelColumn.of(format_plain(value) for value in values.tolist())
    labels = vector.labels.take(candidates // len(values))
    labels = labels.with_column(label, texts.take(candidates % len(values)))
    names = _names(node, labels, label)
    grouping = labels.group(names)
    context.limits.check_cells(grouping.size, vector.steps)
    cells = grouping.group[candidate_of_cell] * vector.steps + steps
    counts = np.bincount(cells, minlength=grouping.size * vector.steps).reshape(grouping.size, -1)
    present = counts > 0
    return Vector(labels.take(grouping.first).keep(names), counts.astype(np.float64), present)


def _names(node: Aggregation, labels: LabelFrame, label: str) -> tuple[str, ...]:
    return grouping_names(node, labels) if node.without else (*node.grouping, label)
