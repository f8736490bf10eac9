"""Aggregations over vectors that have native histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.model.labels import METRIC_NAME, quote
from monitor.model.native_histograms import Histograms, NativeHistogram, are_histograms
from monitor.model.samples import Mask
from monitor.promql.aggregation.aggregations import group_labels, grouped, groups_of, reduced_floats
from monitor.promql.aggregation.groups import Groups
from monitor.promql.context import QueryContext
from monitor.promql.histograms.rates import MIXED_BUCKETS
from monitor.promql.histograms.totals import total
from monitor.promql.plan import unwrapped
from monitor.promql.syntax.nodes import Aggregation
from monitor.promql.values import Vector

HISTOGRAM_TOTALS = frozenset({"sum", "avg"})
"""Aggregations that make a histogram of histograms."""
_OF_ANYTHING = frozenset({"count", "group", "limitk", "limit_ratio"})


def floats_to_aggregate(node: Aggregation, vector: Vector, context: QueryContext) -> Vector:
    """What an aggregation other than HISTOGRAM_TOTALS and count_values looks at."""
    if node.operator in _OF_ANYTHING:
        return vector
    if vector.histogram_mask().any():
        span = node.span if node.operator in ("topk", "bottomk") else unwrapped(node.expression).span
        context.annotations.inform(f"ignored histogram in {node.operator} aggregation", span)
    return vector.floats()


def aggregate_with_histograms(node: Aggregation, vector: Vector, context: QueryContext) -> Vector:
    """sum or avg; groups that have both floats and histograms at a step have no result there."""
    groups = groups_of(node, vector.labels, context)
    natives, floats = vector.histogram_mask(), vector.floats()
    has_natives, has_floats = groups.any(natives), groups.any(floats.mask())
    mixed = has_natives & has_floats
    if mixed.any():
        message = "encountered a mix of histograms and floats for aggregation"
        context.annotations.warn(message, unwrapped(node.expression).span)
    histograms = _totals(node, vector, groups, natives & ~mixed[groups.group], context)
    present = (has_floats & ~mixed) | are_histograms(histograms)
    values = reduced_floats(node, groups, floats)
    result = Vector(group_labels(node, groups, vector.labels, context), values, present, None, histograms)
    return grouped(result, groups, vector)


def _totals(node: Aggregation, vector: Vector, groups: Groups, natives: Mask, context: QueryContext) -> Histograms:
    """(G, T) the sum or mean of each group's histograms; None where there are none or they do not go together."""
    result = np.full((groups.size, vector.steps), None, object)
    rows, steps = np.nonzero(natives)
    if not len(rows):
        return result
    assert vector.histograms is not None, "BUG: got histograms in a vector without any"
    cell = groups.group[rows] * vector.steps + steps
    order = np.argsort(cell, kind="stable")
    rows, steps, cell = rows[order], steps[order], cell[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    histograms = vector.histograms[rows, steps].tolist()
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(cell)], strict=True):
        members = histograms[start:end]
        found = total(members, mean=node.operator == "avg")
        span = unwrapped(node.expression).span
        if found is None:
            name = _odd_name(vector, members, rows[start:end].tolist())
            context.annotations.warn(f"{MIXED_BUCKETS} {quote(name)}", span)
            continue
        if found.collided:
            context.annotations.warn("conflicting counter resets during histogram aggregation", span)
        if found.reconciled:
            context.annotations.inform("mismatched custom buckets were reconciled during aggregation", span)
        result.flat[cell[start]] = found.histogram
    return result


def _odd_name(vector: Vector, members: Sequence[NativeHistogram], rows: Sequence[int]) -> str:
    """The name of the first series that does not go together with those before it."""
    names = vector.labels.column(METRIC_NAME)
    is_custom = [member.shape.is_custom for member in members]
    return str(names.values[names.codes[rows[is_custom.index(not is_custom[0])]]])
