"""Dropping metric names, and what to do with series that are then the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import Histograms
from monitor.promql.aggregation.groups import Groups
from monitor.promql.context import QueryContext
from monitor.promql.syntax.nodes import Node
from monitor.promql.values import Vector

METADATA_LABELS = (METRIC_NAME, "__type__", "__unit__")
"""The labels that say what a metric is; an operation that changes its meaning drops them."""

_NOTHING = -0.0
"""What can be added to any number, -0 included, without changing it."""


def without_names(vector: Vector, node: Node, context: QueryContext, *, whole_series: bool = False) -> Vector:
    """`vector` after an operation of `node` that changes what its values mean.

    Series that differ in their names only become one, as long as no two of them have a value at the same step; with
    `whole_series`, as long as only one of them has any.
    """
    if context.features.promql_delayed_name_removal:
        return replace(vector, drops_name=np.ones(vector.size, np.bool_))
    labels = context.derive(node, "without names", (vector.labels,), lambda: drop_names(vector.labels))
    if labels is vector.labels:
        return vector
    return merge_equal(replace(vector, labels=labels), node, context, whole_series=whole_series)


def drop_names(labels: LabelFrame) -> LabelFrame:
    """Without METADATA_LABELS; the frame itself if it has none of them."""
    return labels.drop(METADATA_LABELS) if any(name in labels.columns for name in METADATA_LABELS) else labels


def merge_equal(vector: Vector, node: object, context: QueryContext, *, whole_series: bool = False) -> Vector:
    """`vector` with every label set once; `node` is what the derived labels are remembered for.

    Raises EvaluationError where that is not possible, see without_names.
    """
    groups = context.derive(node, "equal label sets", (vector.labels,), lambda: Groups(vector.labels.group()))
    if groups.is_unique:
        return vector
    cells = vector.any_present()[:, None] if whole_series else vector.mask()
    if (groups.count(cells, cells.shape[1]) > 1).any():
        raise EvaluationError("vector cannot contain metrics with the same labelset")
    labels = context.derive(node, "distinct label sets", (vector.labels,), lambda: vector.labels.take(groups.first))
    return _merged(vector, groups, labels)


def _merged(vector: Vector, groups: Groups, labels: LabelFrame) -> Vector:
    """One row for each group, whose rows do not overlap."""
    present = vector.mask()
    values = groups.reduce(np.add, np.where(present, vector.values, _NOTHING))
    drops_name = None
    if vector.drops_name is not None:
        drops_name = groups.any((vector.drops_name & vector.any_present())[:, None])[:, 0]
    return Vector(labels, values, groups.any(present), drops_name, _merged_histograms(vector, groups))


def _merged_histograms(vector: Vector, groups: Groups) -> Histograms | None:
    if vector.histograms is None:
        return None
    rows, steps = np.nonzero(vector.histogram_mask())
    histograms = np.full((groups.size, vector.steps), None, object)
    histograms[groups.group[rows], steps] = vector.histograms[rows, steps]
    return histograms
