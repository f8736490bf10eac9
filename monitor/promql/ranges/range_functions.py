"""The functions of range vectors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from monitor.errors import EvaluationError, Span
from monitor.model.labels import METRIC_NAME, quote
from monitor.model.samples import Values
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_general
from monitor.promql.functions.instant_functions import exact_labels
from monitor.promql.functions.names import METADATA_LABELS, without_names
from monitor.promql.histograms.extended_histograms import with_extended_windows
from monitor.promql.histograms.range_histograms import with_histogram_windows
from monitor.promql.plan import unwrapped
from monitor.promql.ranges import counters, over_time, regression
from monitor.promql.ranges.extended_ranges import compute_extended
from monitor.promql.ranges.range_vectors import RangeVector, compute
from monitor.promql.ranges.windows import Windows
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import NO_SPAN, Call, Subquery
from monitor.promql.values import Vector

_Kernel = Callable[[Windows, Sequence[Values]], Values]
"""Windows and the scalar arguments (T,) each → values (R, T)."""

PROPOSED_FUNCTIONS = frozenset({"integral"})
"""Known to the parser, but not merged upstream (https://github.com/prometheus/prometheus/pull/14440)."""
_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_COUNTER_TYPES = ("counter", "histogram")


@dataclass(frozen=True, slots=True)
class _RangeFunction:
    kernel: _Kernel
    samples_min: int = 1
    keeps_name: bool = False


def _plain(kernel: Callable[[Windows], Values], samples_min: int = 1, *, keeps_name: bool = False) -> _RangeFunction:
    return _RangeFunction(lambda windows, _: kernel(windows), samples_min, keeps_name)


_FUNCTIONS: Mapping[str, _RangeFunction] = MappingProxyType(
    {
        "absent_over_time": _plain(over_time.present_over_time),
        "avg_over_time": _plain(over_time.avg_over_time),
        "changes": _plain(counters.changes),
        "count_over_time": _plain(over_time.count_over_time),
        "delta": _plain(counters.delta, 2),
        "deriv": _plain(regression.deriv, 2),
        "double_exponential_smoothing": _RangeFunction(
            lambda windows, scalars: regression.double_exponential_smoothing(windows, scalars[0], scalars[1]), 2
        ),
        "first_over_time": _plain(over_time.first_over_time, keeps_name=True),
        "idelta": _plain(counters.idelta, 2),
        "increase": _plain(counters.increase, 2),
        "irate": _plain(counters.irate, 2),
        "last_over_time": _plain(over_time.last_over_time, keeps_name=True),
        "mad_over_time": _plain(over_time.mad_over_time),
        "max_over_time": _plain(over_time.max_over_time),
        "min_over_time": _plain(over_time.min_over_time),
        "predict_linear": _RangeFunction(lambda windows, scalars: regression.predict_linear(windows, scalars[0]), 2),
        "present_over_time": _plain(over_time.present_over_time),
        "quantile_over_time": _RangeFunction(
            lambda windows, scalars: over_time.quantile_over_time(windows, scalars[0])
        ),
        "rate": _plain(counters.rate, 2),
        "resets": _plain(counters.resets),
        "stddev_over_time": _plain(over_time.stddev_over_time),
        "stdvar_over_time": _plain(over_time.stdvar_over_time),
        "sum_over_time": _plain(over_time.sum_over_time),
        "ts_of_first_over_time": _plain(over_time.ts_of_first_over_time),
        "ts_of_last_over_time": _plain(over_time.ts_of_last_over_time),
        "ts_of_max_over_time": _plain(over_time.ts_of_max_over_time),
        "ts_of_min_over_time": _plain(over_time.ts_of_min_over_time),
    }
)

RANGE_FUNCTION_NAMES = frozenset(_FUNCTIONS)


def call_range_function(
    node: Call, samples: RangeVector, scalars: Sequence[Values], steps: Steps, context: QueryContext
) -> Vector:
    """`scalars` are the other arguments, (T,) each."""
    if node.function in PROPOSED_FUNCTIONS:
        raise EvaluationError(f"{node.function}() is only proposed upstream: what it gives is not settled")
    function = _FUNCTIONS[node.function]
    evaluated_ms = steps.times_ms()
    if samples.modifier is not None:
        result = compute_extended(samples, node.function, context.lookback_ms, evaluated_ms, context.guard)
    else:
        result = compute(
            samples,
            lambda windows: function.kernel(windows, scalars),
            function.samples_min,
            evaluated_ms,
            context.guard,
        )
    vector = Vector(samples.labels, result.values, result.present)
    if samples.histograms and samples.modifier is not None:
        vector = with_extended_windows(
            node.function, samples, vector, context.lookback_ms, _place(node, context), context
        )
    elif samples.histograms:
        vector = with_histogram_windows(node.function, samples, vector, _place(node, context), context)
    if node.function == "absent_over_time":
        return _absent_over_time(node, vector)
    if node.function in ("rate", "increase"):
        _remark_on_gauges(node, vector.floats(), context)
    if node.function == "quantile_over_time":
        _remark_on_quantile(node, scalars[0], vector, context)
    return vector if function.keeps_name else without_names(vector, node, context, whole_series=True)


def _absent_over_time(node: Call, vector: Vector) -> Vector:
    (argument,) = node.arguments
    return Vector(exact_labels(argument), np.ones((1, vector.steps)), ~vector.present_steps()[None, :])


def _remark_on_gauges(node: Call, vector: Vector, context: QueryContext) -> None:
    """An info for each metric that is not named or typed as a counter."""
    has_values = vector.any_present()
    span = _place(node, context)
    names = vector.labels.column(METRIC_NAME)
    if not context.features.type_and_unit_labels:
        suspects = [c for c in names.used().tolist() if c and not names.values[c].endswith(_COUNTER_SUFFIXES)]
        for code in suspects:
            if has_values[names.codes == code].any():
                message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
                context.annotations.inform(f"{message}: {quote(names.values[code])}", span)
        return
    kinds = vector.labels.column(METADATA_LABELS[1])
    for name, kind in set(zip(names.take(has_values).texts(), kinds.take(has_values).texts(), strict=True)):
        if name and kind not in _COUNTER_TYPES:
            message = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"'
            context.annotations.inform(f"{message}, got {quote(kind)}: {quote(name)}", span)


def _remark_on_quantile(node: Call, quantile: Values, vector: Vector, context: QueryContext) -> None:
    wrong = quantile[vector.present_steps() & ~((quantile >= 0) & (quantile <= 1))]
    for value in np.unique(wrong).tolist():
        message = f"quantile value should be between 0 and 1, got {format_general(value)}"
        context.annotations.warn(message, _place(node, context))


def _place(node: Call, context: QueryContext) -> Span:
    """Of the first argument; upstream has no place for a subquery there and names the start of the expression."""
    if isinstance(unwrapped(node.arguments[0]), Subquery):
        return NO_SPAN
    return context.plan.argument_span(node.arguments[0], node)
