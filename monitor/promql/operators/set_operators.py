"""`and`, `or`, `unless`."""

from __future__ import annotations

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.model.native_histograms import Histograms
from monitor.model.samples import Mask
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import merge_equal
from monitor.promql.operators.matching_labels import pair
from monitor.promql.syntax.nodes import Binary
from monitor.promql.values import Vector


def set_operation(node: Binary, left: Vector, right: Vector, context: QueryContext) -> Vector:
    matching = node.matching
    assert matching is not None, "BUG: got a set operation without matching"
    labels = (left.labels, right.labels)
    pairing = context.derive(node, "pairing", labels, lambda: pair(left.labels, right.labels, matching))
    if node.operator == "or":
        others = right.filtered(~pairing.left.any_for_other(left.mask()))
        return _union(node, left, others, context)
    found = pairing.right.any_for_other(right.mask())
    return left.filtered(found if node.operator == "and" else ~found)


def _union(node: Binary, left: Vector, right: Vector, context: QueryContext) -> Vector:
    inputs = (left.labels, right.labels)
    labels = context.derive(node, "union", inputs, lambda: LabelFrame.concat(inputs))
    drops_name: Mask | None = None
    if left.drops_name is not None or right.drops_name is not None:
        drops_name = np.concatenate([_drops_name(left), _drops_name(right)])
    values = np.concatenate([left.values, right.values])
    present = np.concatenate([left.mask(), right.mask()])
    return merge_equal(Vector(labels, values, present, drops_name, _histograms(left, right)), node, context)


def _histograms(left: Vector, right: Vector) -> Histograms | None:
    if left.histograms is None and right.histograms is None:
        return None
    sides = (left, right)
    nothing = (np.full(side.values.shape, None, object) for side in sides)
    return np.concatenate(
        [none if side.histograms is None else side.histograms for side, none in zip(sides, nothing, strict=True)]
    )


def _drops_name(vector: Vector) -> Mask:
    return np.zeros(vector.size, np.bool_) if vector.drops_name is None else vector.drops_name
