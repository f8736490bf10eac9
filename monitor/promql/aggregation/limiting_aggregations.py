"""topk, bottomk, limitk and limit_ratio: some series of each group, as they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Indices, Mask, Values
from monitor.promql.aggregation.aggregations import groups_by_appearance, groups_of
from monitor.promql.aggregation.groups import Groups
from monitor.promql.aggregation.top_heap import top_positions
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_general
from monitor.promql.functions.label_hash import label_hash
from monitor.promql.plan import unwrapped
from monitor.promql.syntax.nodes import Aggregation
from monitor.promql.values import Vector

_INT64_MIN = -9223372036854775808.0
_INT64_MAX = 9223372036854774784.0
"""The largest float64 that has an int64."""


def limit(node: Aggregation, vector: Vector, parameter: Values, context: QueryContext) -> Vector:
    """`parameter` (T,) is how many series of each group are kept, or which share of all.

    At a single step topk gives the series of each group from the largest value to the smallest, bottomk the other
    way round; the others keep their order.
    """
    if node.operator == "limit_ratio":
        return _limit_ratio(node, vector, parameter, context)
    if parameter.max() < 1:
        return Vector.empty(vector.steps)
    _check_count(parameter)
    if not vector.size:
        return vector
    count = np.minimum(parameter, vector.size).astype(np.intp)
    groups = groups_of(node, vector.labels, context)
    if node.operator == "limitk":
        return vector.filtered(_limited(vector, groups, count))
    order = vector if node.operator == "topk" else replace(vector, values=-vector.values)
    if vector.steps == 1:
        rows = _ranked_rows(order, groups, int(count[0]))
        return vector.take(rows, vector.labels.take(rows))
    return vector.filtered(_largest(order, groups, count))


def _check_count(parameter: Values) -> None:
    if np.isnan(parameter).any():
        raise EvaluationError("Parameter value is NaN")
    if parameter.min() <= _INT64_MIN:
        raise EvaluationError(f"Scalar value {format_general(float(parameter.min()))} underflows int64")
    if parameter.max() >= _INT64_MAX:
        raise EvaluationError(f"Scalar value {format_general(float(parameter.max()))} overflows int64")


def _limited(vector: Vector, groups: Groups, count: Indices) -> Mask:
    """(S, T) the first `count` (T,) present series of each group."""
    present = groups.sorted(vector.mask())
    running = np.cumsum(present, axis=0)
    before = np.where(groups.starts[:, None] > 0, running[groups.starts - 1], 0)
    keep = running - np.repeat(before, groups.sizes, axis=0) <= count
    return _unsorted(keep, groups)


def _unsorted(rows: Mask, groups: Groups) -> Mask:
    """The inverse of `groups.sorted`."""
    if groups.order is None:
        return rows
    result = np.empty_like(rows)
    result[groups.order] = rows
    return result


def _ranked_rows(vector: Vector, groups: Groups, count: int) -> Rows:
    """The rows of the largest values at the only step, group by group."""
    rows = np.arange(vector.size) if groups.order is None else groups.order
    present = vector.mask()[rows, 0]
    values = vector.values[rows, 0]
    result: list[int] = []
    ranges = list(_ranges(groups))
    order = groups_by_appearance(groups, vector)
    for start, stop in ranges if order is None else [ranges[group] for group in order.tolist()]:
        candidates = start + np.flatnonzero(present[start:stop])
        result += rows[candidates[top_positions(values[candidates].tolist(), count)]].tolist()
    return np.array(result, np.intp)


def _ranges(groups: Groups) -> zip[tuple[int, int]]:
    starts = groups.starts.tolist()
    return zip(starts, [*starts[1:], len(groups.group)], strict=True)


def _largest(vector: Vector, groups: Groups, count: Indices) -> Mask:
    """(S, T) the `count` (T,) largest present values of each group; NaN is less than everything.

    Where more values are equal than fit, who stays is decided as upstream does, which depends on the order of all.
    """
    present, values = groups.sorted(vector.mask()), groups.sorted(vector.values)
    keep = np.zeros(values.shape, np.bool_)
    for _, members in groups.by_size():
        keep[members] = _largest_of_groups(values[members], present[members], count)
    return _unsorted(keep, groups)


def _largest_of_groups(values: Values, present: Mask, count: Indices) -> Mask:
    """The same for C groups of N series each; all (C, N, T)."""
    size = values.shape[1]
    if int(count.min()) >= size:
        return present
    numbers = np.where(present & ~np.isnan(values), values, -np.inf)
    # The least of the `count` largest; where there are fewer numbers than that, -Inf.
    rank = size - count.clip(1, size)
    ranked = np.partition(numbers, np.unique(rank), axis=1)
    threshold = np.take_along_axis(ranked, np.broadcast_to(rank, (len(values), 1, len(rank))), axis=1)
    keep = present & (numbers >= threshold)
    crowded = (keep.sum(axis=1) > count) & (count > 0)
    keep &= count > 0
    for group, step in np.argwhere(crowded).tolist():
        candidates = _candidates(numbers[group, :, step], threshold[group, 0, step], int(count[step]))
        candidates = candidates[present[group, candidates, step]]
        chosen = top_positions(values[group, candidates, step].tolist(), int(count[step]))
        keep[group, :, step] = False
        keep[group, candidates[chosen], step] = True
    return keep


def _candidates(numbers: Values, threshold: float, count: int) -> Rows:
    """The rows that matter for which `count` are kept: after that many not below the `threshold` only larger ones."""
    if threshold == -np.inf:
        return np.arange(len(numbers))
    enough = np.flatnonzero(numbers >= threshold)[count - 1]
    return np.concatenate([np.arange(enough + 1), enough + 1 + np.flatnonzero(numbers[enough + 1 :] > threshold)])


def _limit_ratio(node: Aggregation, vector: Vector, ratio: Values, context: QueryContext) -> Vector:
    if not (ratio != 0).any():
        return Vector.empty(vector.steps)
    if np.isnan(ratio).any():
        raise EvaluationError("Ratio value is NaN")
    assert node.parameter is not None, "BUG: got limit_ratio without parameter"
    for worst, bound in ((float(ratio.max()), 1.0), (float(ratio.min()), -1.0)):
        if abs(worst) > 1 and math.copysign(1, worst) == bound:
            message = f"ratio value should be between -1 and 1, got {format_general(worst)}, capping to {bound:g}"
            context.annotations.warn(message, unwrapped(node.parameter).span)
    offsets = context.derive(node, "offsets", (vector.labels,), lambda: _sample_offsets(vector.labels))[:, None]
    capped = ratio.clip(-1, 1)
    keep = np.where(capped >= 0, offsets < capped, offsets >= 1 + capped)
    return vector.filtered(keep & (capped != 0))


def _sample_offsets(labels: LabelFrame) -> Values:
    """(S,) a number in [0, 1] for each label set, always the same."""
    return np.array([label_hash(each) / float(2**64 - 1) for each in labels.all_labels()])
