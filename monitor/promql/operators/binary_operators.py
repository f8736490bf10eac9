"""Arithmetic and comparison of scalars and vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from monitor.model.labels import quote
from monitor.model.samples import Mask, Values
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import without_names
from monitor.promql.syntax.nodes import Binary
from monitor.promql.values import Vector

ARITHMETIC: Mapping[str, Callable[[Values, Values], Values]] = MappingProxyType(
    {
        "+": np.add,
        "-": np.subtract,
        "*": np.multiply,
        "/": np.divide,
        "%": np.fmod,
        "^": np.power,
        "atan2": np.arctan2,
    }
)
COMPARISONS: Mapping[str, Callable[[Values, Values], Mask]] = MappingProxyType(
    {
        "==": np.equal,
        "!=": np.not_equal,
        ">": np.greater,
        "<": np.less,
        ">=": np.greater_equal,
        "<=": np.less_equal,
    }
)
HISTOGRAM_ONLY = frozenset({"</", ">/"})
"""Operators that trim native histograms and have no result for floats."""
SET_OPERATORS = frozenset({"and", "or", "unless"})


def scalar_scalar(node: Binary, left: Values, right: Values) -> Values:
    if node.operator in ARITHMETIC:
        return ARITHMETIC[node.operator](left, right)
    return COMPARISONS[node.operator](left, right).astype(np.float64)


def vector_scalar(node: Binary, vector: Vector, scalar: Values, context: QueryContext, *, swapped: bool) -> Vector:
    """A vector with a scalar (T,); `swapped`: the scalar stands on the left. A comparison keeps the vector's value."""
    left, right = (scalar, vector.values) if swapped else (vector.values, scalar)
    if node.operator in ARITHMETIC:
        return without_names(replace(vector, values=ARITHMETIC[node.operator](left, right)), node, context)
    if node.operator in HISTOGRAM_ONLY:
        return without_result(node, vector, vector.mask(), context)
    keep = COMPARISONS[node.operator](left, right)
    if node.return_bool:
        return without_names(replace(vector, values=keep.astype(np.float64)), node, context)
    return vector.filtered(keep)


def without_result(node: Binary, vector: Vector, would_be_present: Mask, context: QueryContext) -> Vector:
    """Floats under an operator for histograms: nothing, and an info if there were any."""
    if would_be_present.any():
        operator = node.operator
        context.annotations.inform(
            f"incompatible sample types encountered for binary operator {quote(operator)}: float {operator} float",
            node.span,
        )
    return vector.filtered(np.zeros((vector.size, vector.steps), np.bool_))
