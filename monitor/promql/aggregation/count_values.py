"""count_values: how many series have which value."""

from __future__ import annotations

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelColumn, LabelFrame, Rows
from monitor.model.native_histograms import NativeHistogram, used_buckets
from monitor.promql.aggregation.aggregations import grouping_names
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_general, format_plain
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
    values, value_of_cell = _distinct(vector, rows, steps)
    context.limits.check_cells(len(values), vector.steps)
    # One candidate for each combination of series and value; those that end up with the same labels are one.
    candidates, candidate_of_cell = np.unique(rows * len(values) + value_of_cell, return_inverse=True)
    texts = LabelColumn.of(values)
    labels = vector.labels.take(candidates // len(values))
    labels = labels.with_column(label, texts.take(candidates % len(values)))
    names = _names(node, labels, label)
    grouping = labels.group(names)
    context.limits.check_cells(grouping.size, vector.steps)
    cells = grouping.group[candidate_of_cell] * vector.steps + steps
    counts = np.bincount(cells, minlength=grouping.size * vector.steps).reshape(grouping.size, -1)
    present = counts > 0
    return Vector(labels.take(grouping.first).keep(names), counts.astype(np.float64), present)


def _distinct(vector: Vector, rows: Rows, steps: Rows) -> tuple[list[str], Rows]:
    """The values that occur, as texts, and for each cell which of them it has."""
    # By their bits: 0 and -0 are equal and yet spelled differently.
    bits, value_of_cell = np.unique(vector.values[rows, steps].view(np.int64), return_inverse=True)
    texts = [format_plain(value) for value in bits.view(np.float64).tolist()]
    if vector.histograms is None:
        return texts, value_of_cell
    number_by_text = {text: number for number, text in enumerate(texts)}
    for position in np.flatnonzero(vector.histogram_mask()[rows, steps]).tolist():
        text = _histogram_text(vector.histograms[rows[position], steps[position]])
        value_of_cell[position] = number_by_text.setdefault(text, len(number_by_text))
    return list(number_by_text), value_of_cell


def _histogram_text(histogram: NativeHistogram) -> str:
    """As upstream's FloatHistogram.String()."""
    parts = [f"count:{format_general(histogram.count)}", f"sum:{format_general(histogram.sum)}"]
    for bucket in used_buckets(histogram):
        bounds = f"{format_general(bucket.lower)},{format_general(bucket.upper)}"
        ends = "(["[bucket.has_lower], ")]"[bucket.has_upper]
        parts.append(f"{ends[0]}{bounds}{ends[1]}:{format_general(bucket.count)}")
    return f"{{{', '.join(parts)}}}"


def _names(node: Aggregation, labels: LabelFrame, label: str) -> tuple[str, ...]:
    return grouping_names(node, labels) if node.without else (*node.grouping, label)
