"""From a syntax tree to values at all steps at once."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.samples import Values
from monitor.promql.aggregation.aggregations import aggregate, aggregate_quantile
from monitor.promql.aggregation.count_values import count_values
from monitor.promql.aggregation.histogram_aggregations import (
    HISTOGRAM_TOTALS,
    aggregate_with_histograms,
    floats_to_aggregate,
)
from monitor.promql.aggregation.limiting_aggregations import limit
from monitor.promql.context import QueryContext
from monitor.promql.functions.instant_functions import FunctionCall, call_function
from monitor.promql.functions.names import without_names
from monitor.promql.histograms.range_windows import runs_of
from monitor.promql.operators.binary_operators import SET_OPERATORS, scalar_scalar, vector_scalar
from monitor.promql.operators.histogram_operators import histogram_scalar, negated_histograms
from monitor.promql.operators.set_operators import set_operation
from monitor.promql.operators.vector_matching import vector_vector
from monitor.promql.plan import unwrapped
from monitor.promql.ranges.range_functions import call_range_function
from monitor.promql.ranges.range_vectors import RangeVector
from monitor.promql.ranges.windows import DensePiece, Pieces, without_gaps
from monitor.promql.selectors import duration_ms, range_selector, seen_steps, timestamp_argument, vector_selector
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Expression,
    MatrixSelector,
    NumberLiteral,
    Paren,
    RangeModifier,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from monitor.promql.values import Value, Vector

_LIMITING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})


def evaluate(node: Expression, steps: Steps, context: QueryContext) -> Value:
    """The value of `node`, anything but a range vector. Raises QueryError."""
    context.guard.check()
    watch = context.watch
    if steps.count > 1 and context.plan.is_step_invariant(node):
        with watch.once_for_all_steps():
            return _repeated(evaluate(node, steps.first(), context), steps.count)
    if watch.traces:
        return watch.traced(node, lambda: _evaluate(node, steps, context))
    return _evaluate(node, steps, context)


def _evaluate(node: Expression, steps: Steps, context: QueryContext) -> Value:
    match node:
        case VectorSelector():
            vector = vector_selector(node, steps, context)
            if node.modifier is not RangeModifier.SMOOTHED:
                context.watch.count_vector(vector)
            return vector
        case Call():
            return _call(node, steps, context)
        case Aggregation():
            return _aggregation(node, steps, context)
        case Binary():
            return _binary(node, steps, context)
        case Unary():
            return _unary(node, steps, context)
        case Paren():
            return evaluate(node.expression, steps, context)
        case NumberLiteral():
            return np.full(steps.count, node.value)
        case StringLiteral():
            return node.value
    raise AssertionError(f"BUG: got {type(node).__name__}, want a node that is no range vector")


def range_vector(node: MatrixSelector | Subquery, steps: Steps, context: QueryContext) -> RangeVector:
    if isinstance(node, MatrixSelector):
        return range_selector(node, steps, context)
    seen = seen_steps(node, steps, context)
    range_ms = duration_ms(node.range, context)
    inner = subquery_steps(node, seen, range_ms, context)
    if not inner.count:
        return RangeVector(Vector.empty(0).labels, Pieces(), seen, range_ms)
    with context.watch.aside(inner.count):
        value = cast(Vector, evaluate(node.expression, inner, context))
    context.limits.check_cells(value.size, seen.count)
    floats = value.floats()
    piece = DensePiece(np.arange(value.size), inner.times_ms(), np.ascontiguousarray(value.values))
    pieces = Pieces([piece]) if floats.present is None else without_gaps(piece, floats.present)
    return RangeVector(value.labels, pieces, seen, range_ms, None, runs_of(value, inner.times_ms()))


def subquery_steps(node: Subquery, seen: Steps, range_ms: int, context: QueryContext) -> Steps:
    """The multiples of the subquery's step within all its windows, whose starts are exclusive.

    Raises EvaluationError for a step of 0 ms.
    """
    step_ms = context.limits.subquery_step_ms if node.step is None else duration_ms(node.step, context)
    if step_ms < 1:
        raise EvaluationError("the step of a subquery must be at least 1ms")
    start_ms = ((seen.start_ms - range_ms) // step_ms + 1) * step_ms
    inner = Steps.between(start_ms, seen.end_ms, step_ms)
    context.limits.check_cells(1, inner.count)
    return inner


def _repeated(value: Value, steps: int) -> Value:
    if isinstance(value, str):
        return value
    return value.repeated(steps) if isinstance(value, Vector) else np.broadcast_to(value, (steps,))


def _call(node: Call, steps: Steps, context: QueryContext) -> Value:
    arguments = [unwrapped(argument) for argument in node.arguments]
    if node.function == "timestamp" and isinstance(arguments[0], VectorSelector):
        times = timestamp_argument(arguments[0], steps, context)
        context.watch.count_vector(times)
        return without_names(times, node, context)
    if node.function == "start_timestamp":
        return _start_timestamps(node, arguments[0], steps, context)
    ranges = [argument for argument in arguments if isinstance(argument, MatrixSelector | Subquery)]
    if ranges:
        samples = context.watch.traced(ranges[0], lambda: range_vector(ranges[0], steps, context))
        context.watch.count_windows(samples, context.lookback_ms, context.guard)
        scalars = [cast(Values, evaluate(each, steps, context)) for each in arguments if each is not ranges[0]]
        return call_range_function(node, samples, scalars, steps, context)
    if node.function == "info":
        arguments = arguments[:1]
    values = tuple(evaluate(argument, steps, context) for argument in arguments)
    return call_function(FunctionCall(node, values, steps, context))


def _start_timestamps(node: Call, argument: Expression, steps: Steps, context: QueryContext) -> Vector:
    """0 stands for an unknown start, and stores keep none; what is calculated has lost its start altogether."""
    vector = cast(Vector, evaluate(argument, steps, context))
    if not isinstance(argument, VectorSelector):
        return vector.filtered(np.zeros(vector.values.shape, np.bool_))
    return without_names(replace(vector, values=np.zeros(vector.values.shape), histograms=None), node, context)


def _aggregation(node: Aggregation, steps: Steps, context: QueryContext) -> Vector:
    parameter = None if node.parameter is None else evaluate(node.parameter, steps, context)
    vector = cast(Vector, evaluate(node.expression, steps, context))
    if isinstance(parameter, str):
        return count_values(node, vector, parameter, context)
    if vector.histograms is not None:
        if node.operator in HISTOGRAM_TOTALS:
            return aggregate_with_histograms(node, vector, context)
        vector = floats_to_aggregate(node, vector, context)
    if node.operator == "quantile":
        return aggregate_quantile(node, vector, cast(Values, parameter), context)
    if node.operator in _LIMITING:
        return limit(node, vector, cast(Values, parameter), context)
    return aggregate(node, vector, context)


def _binary(node: Binary, steps: Steps, context: QueryContext) -> Value:
    left, right = evaluate(node.left, steps, context), evaluate(node.right, steps, context)
    if isinstance(left, Vector) and isinstance(right, Vector):
        operation = set_operation if node.operator in SET_OPERATORS else vector_vector
        return operation(node, left, right, context)
    if isinstance(left, Vector):
        operate = vector_scalar if left.histograms is None else histogram_scalar
        return operate(node, left, cast(Values, right), context, swapped=False)
    if isinstance(right, Vector):
        operate = vector_scalar if right.histograms is None else histogram_scalar
        return operate(node, right, cast(Values, left), context, swapped=True)
    return scalar_scalar(node, cast(Values, left), cast(Values, right))


def _unary(node: Unary, steps: Steps, context: QueryContext) -> Value:
    value = evaluate(node.operand, steps, context)
    if node.operator == "+" or isinstance(value, str):
        return value
    if not isinstance(value, Vector):
        return np.negative(value)
    negated = replace(value, values=np.negative(value.values), histograms=negated_histograms(value))
    return without_names(negated, node, context)
