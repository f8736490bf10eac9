"""Binary operators where some of the operands are native histograms (vectorElemBinop in promql/engine.go upstream)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.labels import quote
from monitor.model.native_histograms import Histograms, NativeHistogram, are_histograms
from monitor.model.samples import Mask, Values
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import without_names
from monitor.promql.histograms.arithmetic import add, are_equal, divided, gauge, scaled, subtract
from monitor.promql.histograms.trimming import trimmed
from monitor.promql.operators.binary_operators import ARITHMETIC, COMPARISONS
from monitor.promql.syntax.nodes import Binary
from monitor.promql.values import Vector

_OfOne = Callable[[NativeHistogram, float], NativeHistogram]

_HISTOGRAM_AND_FLOAT: dict[str, _OfOne] = {
    "*": scaled,
    "/": divided,
    "</": lambda histogram, limit: trimmed(histogram, limit, keeps_lower=True),
    ">/": lambda histogram, limit: trimmed(histogram, limit, keeps_lower=False),
}
_FLOAT_AND_HISTOGRAM: dict[str, _OfOne] = {"*": scaled}


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """One side (P, T); `values` may be anything that broadcasts to it."""

    values: Values
    histograms: Histograms | None

    def histogram_mask(self, shape: tuple[int, ...]) -> Mask:
        if self.histograms is None:
            return np.zeros(shape, np.bool_)
        return are_histograms(self.histograms)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """(P, T). `valid`: the operation makes sense there; `holds`: and a comparison is true."""

    values: Values
    histograms: Histograms
    valid: Mask
    holds: Mask


def negated_histograms(vector: Vector) -> Histograms | None:
    if vector.histograms is None:
        return None
    result = np.full(vector.histograms.shape, None, object)
    for row, step in np.argwhere(vector.histogram_mask()).tolist():
        result[row, step] = scaled(vector.histograms[row, step], -1.0)
    return result


def histogram_scalar(node: Binary, vector: Vector, scalar: Values, context: QueryContext, *, swapped: bool) -> Vector:
    """A vector that has histograms with a scalar (T,); `swapped`: the scalar stands on the left."""
    of_vector, of_scalar = Operand(vector.values, vector.histograms), Operand(scalar, None)
    left, right = (of_scalar, of_vector) if swapped else (of_vector, of_scalar)
    outcome = operate(node, left, right, vector.mask(), context)
    if node.operator in COMPARISONS and not node.return_bool:
        return vector.filtered(outcome.holds)
    values, histograms = outcome.values, None if node.return_bool else outcome.histograms
    if node.return_bool:
        values = outcome.holds.astype(np.float64)
    result = replace(vector, values=values, present=outcome.valid, histograms=histograms)
    return without_names(result, node, context) if node.operator in ARITHMETIC or node.return_bool else result


def histogram_rows(vector: Vector, rows: Rows) -> Histograms | None:
    """The histograms of the rows (P,); NONE has none."""
    if vector.histograms is None:
        return None
    histograms = np.full((vector.size + 1, vector.steps), None, object)
    there = vector.histogram_mask()
    histograms[:-1][there] = vector.histograms[there]
    return histograms[rows]


def operate(node: Binary, left: Operand, right: Operand, active: Mask, context: QueryContext) -> Outcome:
    """What pairs of operands give where both are there, `active` (P, T)."""
    shape = active.shape
    of_left, of_right = left.histogram_mask(shape), right.histogram_mask(shape)
    values = np.broadcast_to(left.values, shape)
    holds = active & ~of_left & ~of_right
    valid = holds
    histograms = np.full(shape, None, object)
    if node.operator in ARITHMETIC:
        values = ARITHMETIC[node.operator](left.values, right.values)
    elif node.operator in COMPARISONS:
        holds = holds & COMPARISONS[node.operator](left.values, right.values)
    else:
        _remark(node, "float", "float", holds, context)
        holds = valid = np.zeros(shape, np.bool_)
    outcome = Outcome(np.array(np.broadcast_to(values, shape)), histograms, valid.copy(), holds.copy())
    _with_floats(node, left, right, active & of_left & ~of_right, outcome, context, is_swapped=False)
    _with_floats(node, right, left, active & ~of_left & of_right, outcome, context, is_swapped=True)
    _of_both(node, left, right, active & of_left & of_right, outcome, context)
    return outcome


def _remark(node: Binary, left: str, right: str, where: Mask, context: QueryContext) -> None:
    if where.any():
        message = f"incompatible sample types encountered for binary operator {quote(node.operator)}"
        context.annotations.inform(f"{message}: {left} {node.operator} {right}", node.span)


def _with_floats(
    node: Binary,
    side: Operand,
    other: Operand,
    where: Mask,
    outcome: Outcome,
    context: QueryContext,
    *,
    is_swapped: bool,
) -> None:
    """`side` has histograms and `other` floats; `is_swapped`: the floats stand on the left."""
    operation = (_FLOAT_AND_HISTOGRAM if is_swapped else _HISTOGRAM_AND_FLOAT).get(node.operator)
    if operation is None:
        kinds = ("float", "histogram") if is_swapped else ("histogram", "float")
        _remark(node, *kinds, where, context)
        return
    floats = np.broadcast_to(other.values, where.shape)
    for row, step in np.argwhere(where).tolist():
        assert side.histograms is not None, "BUG: got a histogram in a side without any"
        outcome.histograms[row, step] = operation(side.histograms[row, step], float(floats[row, step]))
    outcome.valid[where] = outcome.holds[where] = True


def _of_both(node: Binary, left: Operand, right: Operand, where: Mask, outcome: Outcome, context: QueryContext) -> None:
    if node.operator not in ("+", "-", "==", "!="):
        _remark(node, "histogram", "histogram", where, context)
        return
    for row, step in np.argwhere(where).tolist():
        assert left.histograms is not None and right.histograms is not None, "BUG: got a histogram where there is none"
        pair = left.histograms[row, step], right.histograms[row, step]
        if node.operator in COMPARISONS:
            outcome.valid[row, step] = True
            outcome.holds[row, step] = are_equal(*pair) == (node.operator == "==")
            outcome.histograms[row, step] = pair[0]
            continue
        result = _sum_or_difference(node, *pair, context)
        outcome.histograms[row, step] = result
        outcome.valid[row, step] = outcome.holds[row, step] = result is not None


def _sum_or_difference(
    node: Binary, left: NativeHistogram, right: NativeHistogram, context: QueryContext
) -> NativeHistogram | None:
    is_sum = node.operator == "+"
    combined = add(left, right) if is_sum else subtract(left, right)
    if combined is None:
        context.annotations.warn(
            f"incompatible bucket layout encountered for binary operator {node.operator}", node.span
        )
        return None
    operation = "addition" if is_sum else "subtraction"
    if combined.collided:
        context.annotations.warn(f"conflicting counter resets during histogram {operation}", node.span)
    if combined.reconciled:
        context.annotations.inform(f"mismatched custom buckets were reconciled during {operation}", node.span)
    return combined.histogram if is_sum else gauge(combined.histogram)
