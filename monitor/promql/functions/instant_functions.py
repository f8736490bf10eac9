"""The functions of PromQL by name, given their evaluated arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast

import numpy as np

from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.model.matchers import MatchOp
from monitor.model.samples import Values
from monitor.promql.context import QueryContext
from monitor.promql.functions import info_function, label_functions
from monitor.promql.functions.math_functions import ELEMENTWISE, clamp, larger, round_to, smaller
from monitor.promql.functions.names import without_names
from monitor.promql.functions.sort_functions import sorted_by_labels, sorted_by_value
from monitor.promql.functions.time_functions import CALENDAR, Instants
from monitor.promql.histograms import native_functions
from monitor.promql.histograms.histogram_functions import histogram_fraction, histogram_quantile, histogram_quantiles
from monitor.promql.plan import unwrapped
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import Call, Expression, MatrixSelector, VectorSelector
from monitor.promql.values import Value, Vector


@dataclass(frozen=True, slots=True, eq=False)
class FunctionCall:
    """A call with its arguments evaluated."""

    node: Call
    arguments: tuple[Value, ...]
    steps: Steps
    context: QueryContext

    def vector(self, position: int) -> Vector:
        return cast(Vector, self.arguments[position])

    def scalar(self, position: int) -> Values:
        """(T,)"""
        return cast(Values, self.arguments[position])

    def text(self, position: int) -> str:
        return cast(str, self.arguments[position])

    def mapped(self, values: Values) -> Vector:
        """The first argument with other values, which do not mean what its name says."""
        return without_names(replace(self.vector(0), values=values, histograms=None), self.node, self.context)

    def of_floats(self) -> FunctionCall:
        """Without the native histograms among the arguments."""
        if all(not isinstance(value, Vector) or value.histograms is None for value in self.arguments):
            return self
        floats = tuple(value.floats() if isinstance(value, Vector) else value for value in self.arguments)
        return replace(self, arguments=floats)


def call_function(call: FunctionCall) -> Value:
    """Every function that takes no range vector."""
    name = call.node.function
    if name not in HISTOGRAM_AWARE:
        call = call.of_floats()
    if name in ELEMENTWISE:
        return call.mapped(ELEMENTWISE[name](call.vector(0).values))
    if name in CALENDAR:
        return _calendar(call)
    return _FUNCTIONS[name](call)


def single_row(values: Values) -> Vector:
    """One series without labels, from values (T,)."""
    return Vector(LabelFrame(1, {}), values[None, :])


def exact_labels(node: Expression) -> LabelFrame:
    """The one label set that a selector asks for by equality; of a label asked for twice there is nothing to know."""
    node = unwrapped(node)
    if isinstance(node, MatrixSelector):
        node = node.selector
    texts: dict[str, str] = {}
    if isinstance(node, VectorSelector):
        seen: set[str] = set()
        for matcher in node.matchers:
            if matcher.name == METRIC_NAME:
                continue
            if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
                texts[matcher.name] = matcher.value
                seen.add(matcher.name)
            else:
                texts.pop(matcher.name, None)
    return LabelFrame(1, {name: LabelColumn.constant(text, 1) for name, text in texts.items()})


def _calendar(call: FunctionCall) -> Vector:
    function = CALENDAR[call.node.function]
    if not call.arguments:
        return single_row(function(Instants.of_times(call.steps.times_ms())).astype(np.float64))
    return call.mapped(function(Instants.of_values(call.vector(0).values)).astype(np.float64))


def _absent(call: FunctionCall) -> Vector:
    vector = call.vector(0)
    labels = exact_labels(call.node.arguments[0])
    return Vector(labels, np.ones((1, vector.steps)), ~vector.present_steps()[None, :])


def _clamp(call: FunctionCall) -> Vector:
    steps = call.steps.count
    low, high = np.full(steps, -np.inf), np.full(steps, np.inf)
    match call.node.function:
        case "clamp":
            low, high = call.scalar(1), call.scalar(2)
        case "clamp_min":
            low = call.scalar(1)
        case "clamp_max":
            high = call.scalar(1)
    vector = call.vector(0)
    if (high < low).any():
        vector = vector.filtered(np.broadcast_to(~(high < low), vector.values.shape))
    clamped = replace(vector, values=clamp(vector.values, low, high))
    return without_names(clamped, call.node, call.context)


def _round(call: FunctionCall) -> Vector:
    nearest = call.scalar(1) if len(call.arguments) > 1 else np.ones(call.steps.count)
    return call.mapped(round_to(call.vector(0).values, nearest))


def _scalar(call: FunctionCall) -> Values:
    """The value of the only series; NaN if there is none or more than one."""
    vector = call.vector(0)
    present = vector.mask()
    value = np.where(present, vector.values, 0.0).sum(axis=0)
    result: Values = np.where(present.sum(axis=0) == 1, value, np.nan)
    return result


def _timestamp(call: FunctionCall) -> Vector:
    times = np.broadcast_to(call.steps.times_ms() / 1000, call.vector(0).values.shape)
    return call.mapped(times)


def _label_replace(call: FunctionCall) -> Vector:
    target, replacement, source, pattern = (call.text(position) for position in range(1, 5))
    return label_functions.label_replace(call.node, call.vector(0), target, replacement, source, pattern, call.context)


def _label_join(call: FunctionCall) -> Vector:
    sources = [call.text(position) for position in range(3, len(call.arguments))]
    return label_functions.label_join(call.node, call.vector(0), call.text(1), call.text(2), sources, call.context)


def _sort_by_label(call: FunctionCall) -> Vector:
    names = [call.text(position) for position in range(1, len(call.arguments))]
    return sorted_by_labels(call.vector(0), names, descending=call.node.function.endswith("_desc"))


def _sort(call: FunctionCall) -> Vector:
    return sorted_by_value(call.vector(0), descending=call.node.function.endswith("_desc"))


def _histogram_quantile(call: FunctionCall) -> Vector:
    return histogram_quantile(call.node, call.scalar(0), call.vector(1), call.steps, call.context)


def _histogram_quantiles(call: FunctionCall) -> Vector:
    quantiles = [call.scalar(position) for position in range(2, len(call.arguments))]
    return histogram_quantiles(call.node, call.vector(0), call.text(1), quantiles, call.steps, call.context)


def _histogram_fraction(call: FunctionCall) -> Vector:
    return histogram_fraction(call.node, call.scalar(0), call.scalar(1), call.vector(2), call.context)


def _of_native_histograms(call: FunctionCall) -> Vector:
    return native_functions.histogram_numbers(call.node, call.vector(0), call.context)


def _constant(value: Callable[[QueryContext], float]) -> Callable[[FunctionCall], Values]:
    return lambda call: np.full(call.steps.count, value(call.context))


_FUNCTIONS: Mapping[str, Callable[[FunctionCall], Value]] = MappingProxyType(
    {
        "absent": _absent,
        "clamp": _clamp,
        "clamp_max": _clamp,
        "clamp_min": _clamp,
        "end": _constant(lambda context: context.end_ms / 1000),
        "histogram_avg": _of_native_histograms,
        "histogram_count": _of_native_histograms,
        "histogram_fraction": _histogram_fraction,
        "histogram_quantile": _histogram_quantile,
        "histogram_quantiles": _histogram_quantiles,
        "histogram_stddev": _of_native_histograms,
        "histogram_stdvar": _of_native_histograms,
        "histogram_sum": _of_native_histograms,
        "info": lambda call: info_function.info(call.node, call.vector(0), call.steps, call.context),
        "label_join": _label_join,
        "label_replace": _label_replace,
        "max_of": lambda call: larger(call.scalar(0), call.scalar(1)),
        "min_of": lambda call: smaller(call.scalar(0), call.scalar(1)),
        "pi": _constant(lambda _: np.pi),
        "range": _constant(lambda context: context.range_seconds),
        "round": _round,
        "scalar": _scalar,
        "sort": _sort,
        "sort_by_label": _sort_by_label,
        "sort_by_label_desc": _sort_by_label,
        "sort_desc": _sort,
        "start": _constant(lambda context: context.steps.start_ms / 1000),
        "step": _constant(lambda context: context.step_seconds),
        "time": lambda call: call.steps.times_ms() / 1000,
        "timestamp": _timestamp,
        "vector": lambda call: single_row(call.scalar(0)),
    }
)
HISTOGRAM_AWARE = frozenset(
    {
        *("absent", "info", "label_join", "label_replace", "sort_by_label", "sort_by_label_desc", "timestamp"),
        *(name for name in _FUNCTIONS if name.startswith("histogram_")),
    }
)
"""Functions that look at native histograms; for the others there are only floats."""
FUNCTION_NAMES = frozenset({*ELEMENTWISE, *CALENDAR, *_FUNCTIONS})
