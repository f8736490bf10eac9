"""`sum by (job) (…)` and its kin: one result for each group of series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Mask, Values
from monitor.promql.aggregation.exact_sums import group_sums
from monitor.promql.aggregation.group_variances import group_variances
from monitor.promql.aggregation.groups import Groups
from monitor.promql.aggregation.mixed_buckets import warn_of_mixed_buckets
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_general
from monitor.promql.plan import unwrapped
from monitor.promql.ranges.quantiles import sorted_quantile
from monitor.promql.syntax.nodes import Aggregation
from monitor.promql.values import Vector, is_negative_zero

_Reduction = Callable[[Groups, Vector], Values]


def grouping_names(node: Aggregation, labels: LabelFrame) -> tuple[str, ...]:
    """The labels that series of one group have in common, which are those of the result."""
    if not node.without:
        return node.grouping
    return tuple(name for name in labels.columns if name != METRIC_NAME and name not in node.grouping)


def groups_of(node: Aggregation, labels: LabelFrame, context: QueryContext) -> Groups:
    return context.derive(node, "groups", (labels,), lambda: Groups(labels.group(grouping_names(node, labels))))


def aggregate(node: Aggregation, vector: Vector, context: QueryContext) -> Vector:
    """sum, avg, count, group, min, max, stddev or stdvar, in the order in which the groups first appear."""
    return _reduced(node, vector, _REDUCTIONS[node.operator], context)


def aggregate_quantile(node: Aggregation, vector: Vector, quantile: Values, context: QueryContext) -> Vector:
    """The `quantile` (T,) of each group, interpolated between values; NaN sorts below everything."""
    assert node.parameter is not None, "BUG: got quantile without parameter"
    span = unwrapped(node.parameter).span
    for wrong in (quantile[np.isnan(quantile)][:1], _beyond(quantile, 1.0), _beyond(-quantile, 0.0) * -1):
        for value in wrong.tolist():
            context.annotations.warn(f"quantile value should be between 0 and 1, got {format_general(value)}", span)
    return _reduced(node, vector, lambda groups, each: _group_quantiles(groups, each, quantile), context)


def _beyond(values: Values, limit: float) -> Values:
    """The largest of `values` if it is above `limit`, else nothing."""
    numbers = values[~np.isnan(values)]
    return numbers[[np.argmax(numbers)]] if len(numbers) and numbers.max() > limit else np.empty(0)


def _reduced(node: Aggregation, vector: Vector, reduction: _Reduction, context: QueryContext) -> Vector:
    if not vector.size:
        return Vector.empty(vector.steps)
    groups = groups_of(node, vector.labels, context)
    labels = group_labels(node, groups, vector.labels, context)
    warn_of_mixed_buckets(node, groups, labels, vector, context)
    present = None if vector.present is None else groups.any(vector.present)
    return grouped(Vector(labels, reduction(groups, vector), present), groups, vector)


def group_labels(node: Aggregation, groups: Groups, labels: LabelFrame, context: QueryContext) -> LabelFrame:
    return context.derive(
        node,
        "group labels",
        (labels,),
        lambda: labels.take(groups.first).keep(grouping_names(node, labels)),
    )


def grouped(result: Vector, groups: Groups, vector: Vector) -> Vector:
    """One result for each group of `vector`, with what else a vector has to say, in the order that upstream gives."""
    result = replace(result, drops_name=_drops_name(groups, vector))
    order = groups_by_appearance(groups, vector)
    return result if order is None else result.take(order, result.labels.take(order))


def reduced_floats(node: Aggregation, groups: Groups, vector: Vector) -> Values:
    """(G, T); unspecified for groups without a float."""
    return _REDUCTIONS[node.operator](groups, vector)


def groups_by_appearance(groups: Groups, vector: Vector) -> Rows | None:
    """At a single step, the groups in the order of their first series that has a value; None if they stand so."""
    if vector.steps != 1 or vector.present is None:
        return None
    rows = np.where(vector.present[:, 0], np.arange(vector.size), vector.size)
    first = groups.reduce(np.minimum, rows[:, None])[:, 0]
    return None if bool((np.diff(first) >= 0).all()) else np.argsort(first, kind="stable")


def _drops_name(groups: Groups, vector: Vector) -> Mask | None:
    if vector.drops_name is None:
        return None
    return groups.any((vector.drops_name & vector.any_present())[:, None])[:, 0]


def _filled(vector: Vector, absent: float) -> Values:
    return vector.values if vector.present is None else np.where(vector.present, vector.values, absent)


def _counts(groups: Groups, vector: Vector) -> Values:
    return groups.count(vector.present, vector.steps).astype(np.float64)


def _sum(groups: Groups, vector: Vector) -> Values:
    return group_sums(groups, vector.values, vector.present).total()


def _average(groups: Groups, vector: Vector) -> Values:
    counts = _counts(groups, vector)
    sums = group_sums(groups, vector.values, vector.present)
    averages = sums.high / counts
    overflown = ~np.isfinite(averages)
    averages += sums.low / counts
    if overflown.any():
        # Upstream goes over to incremental means where the sum overflows; these do not overflow either. It may have met
        # an infinity of the other sign afterwards.
        shares = group_sums(groups, vector.values / counts[groups.group], vector.present).total()
        averages = np.where(overflown, shares, averages)
    return averages


def _minimum(groups: Groups, vector: Vector) -> Values:
    values = _filled(vector, np.nan)
    return _with_first_zeros(groups, values, groups.reduce(np.fmin, values))


def _maximum(groups: Groups, vector: Vector) -> Values:
    values = _filled(vector, np.nan)
    return _with_first_zeros(groups, values, groups.reduce(np.fmax, values))


def _with_first_zeros(groups: Groups, values: Values, extremes: Values) -> Values:
    """Of zeros with different signs the first."""
    if not is_negative_zero(values).any():
        return extremes
    rows = np.where(values == 0, np.arange(len(values))[:, None], len(values) - 1)
    first_zero = np.take_along_axis(values, groups.reduce(np.minimum, rows), axis=0)
    return np.where(extremes == 0, first_zero, extremes)


def _one(groups: Groups, vector: Vector) -> Values:
    return np.ones((groups.size, vector.steps))


def _deviation(groups: Groups, vector: Vector) -> Values:
    return np.sqrt(group_variances(groups, vector))


def _group_quantiles(groups: Groups, vector: Vector, quantile: Values) -> Values:
    rows, counts = groups.sorted(_filled(vector, np.nan)), groups.count(vector.present, vector.steps)
    result = np.empty((groups.size, vector.steps))
    for alike, members in groups.by_size():
        samples = rows[members].transpose(0, 2, 1).reshape(-1, members.shape[1])
        quantiles = np.broadcast_to(quantile, (len(alike), vector.steps)).reshape(-1)
        result[alike] = sorted_quantile(samples, counts[alike].reshape(-1), quantiles).reshape(len(alike), -1)
    return result


_REDUCTIONS: Mapping[str, _Reduction] = MappingProxyType(
    {
        "avg": _average,
        "count": _counts,
        "group": _one,
        "max": _maximum,
        "min": _minimum,
        "stddev": _deviation,
        "stdvar": group_variances,
        "sum": _sum,
    }
)
