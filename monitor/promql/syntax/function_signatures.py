"""What PromQL's functions and aggregation operators take and give.

The set of Prometheus 3.14 (promql/parser/functions.go, August 2026); only signatures here, no evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.promql.syntax.nodes import ValueType

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class FunctionSignature:
    """`variadic` 0: exactly `argument_types`. Otherwise the last of them may be left out or stand up to `variadic`
    times, any number of times if UNLIMITED."""

    name: str
    argument_types: tuple[ValueType, ...]
    return_type: ValueType = ValueType.VECTOR
    variadic: int = 0
    experimental: bool = False

    @property
    def arguments_min(self) -> int:
        return len(self.argument_types) - (1 if self.variadic else 0)

    @property
    def arguments_max(self) -> int | None:
        """None if there is no limit."""
        if self.variadic == UNLIMITED:
            return None
        return self.arguments_min + self.variadic

    def argument_type(self, position: int) -> ValueType:
        """The type wanted at `position`, which counts from 0; repeated arguments have the last type."""
        return self.argument_types[min(position, len(self.argument_types) - 1)]


@dataclass(frozen=True, slots=True)
class AggregationSignature:
    """`parameter_type` None: the operator takes no parameter."""

    name: str
    parameter_type: ValueType | None = None
    experimental: bool = False


_SCALAR, _VECTOR, _MATRIX, _STRING = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING

_VECTOR_TO_VECTOR = (
    "abs", "absent", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp",
    "floor", "histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum", "ln",
    "log10", "log2", "rad", "sgn", "sin", "sinh", "sort", "sort_desc", "sqrt", "tan", "tanh", "timestamp",
)  # fmt: skip
_OPTIONAL_VECTOR_TO_VECTOR = (
    "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year",
)  # fmt: skip
_MATRIX_TO_VECTOR = (
    "absent_over_time", "avg_over_time", "changes", "count_over_time", "delta", "deriv", "idelta", "increase",
    "irate", "last_over_time", "max_over_time", "min_over_time", "present_over_time", "rate", "resets",
    "stddev_over_time", "stdvar_over_time", "sum_over_time",
)  # fmt: skip
_EXPERIMENTAL_MATRIX_TO_VECTOR = (
    "first_over_time", "mad_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time",
    "ts_of_min_over_time",
)  # fmt: skip
_EXPERIMENTAL_QUERY_PARAMETERS = (
    "end", "range", "start", "step",
)  # fmt: skip

_SIGNATURES = (
    *(FunctionSignature(name, (_VECTOR,)) for name in _VECTOR_TO_VECTOR),
    *(FunctionSignature(name, (_VECTOR,), variadic=1) for name in _OPTIONAL_VECTOR_TO_VECTOR),
    *(FunctionSignature(name, (_MATRIX,)) for name in _MATRIX_TO_VECTOR),
    *(FunctionSignature(name, (_MATRIX,), experimental=True) for name in _EXPERIMENTAL_MATRIX_TO_VECTOR),
    *(FunctionSignature(name, (), _SCALAR, experimental=True) for name in _EXPERIMENTAL_QUERY_PARAMETERS),
    FunctionSignature("clamp", (_VECTOR, _SCALAR, _SCALAR)),
    FunctionSignature("clamp_max", (_VECTOR, _SCALAR)),
    FunctionSignature("clamp_min", (_VECTOR, _SCALAR)),
    FunctionSignature("double_exponential_smoothing", (_MATRIX, _SCALAR, _SCALAR), experimental=True),
    FunctionSignature("histogram_fraction", (_SCALAR, _SCALAR, _VECTOR)),
    FunctionSignature("histogram_quantile", (_SCALAR, _VECTOR)),
    FunctionSignature("histogram_quantiles", (_VECTOR, _STRING, _SCALAR, _SCALAR), variadic=9, experimental=True),
    FunctionSignature("info", (_VECTOR, _VECTOR), variadic=1, experimental=True),
    FunctionSignature("integral", (_MATRIX, _SCALAR), variadic=1, experimental=True),
    FunctionSignature("label_join", (_VECTOR, _STRING, _STRING, _STRING), variadic=UNLIMITED),
    FunctionSignature("label_replace", (_VECTOR, _STRING, _STRING, _STRING, _STRING)),
    FunctionSignature("max_of", (_SCALAR, _SCALAR), _SCALAR, experimental=True),
    FunctionSignature("min_of", (_SCALAR, _SCALAR), _SCALAR, experimental=True),
    FunctionSignature("pi", (), _SCALAR),
    FunctionSignature("predict_linear", (_MATRIX, _SCALAR)),
    FunctionSignature("quantile_over_time", (_SCALAR, _MATRIX)),
    FunctionSignature("round", (_VECTOR, _SCALAR), variadic=1),
    FunctionSignature("scalar", (_VECTOR,), _SCALAR),
    FunctionSignature("sort_by_label", (_VECTOR, _STRING), variadic=UNLIMITED, experimental=True),
    FunctionSignature("sort_by_label_desc", (_VECTOR, _STRING), variadic=UNLIMITED, experimental=True),
    FunctionSignature("start_timestamp", (_VECTOR,), experimental=True),
    FunctionSignature("time", (), _SCALAR),
    FunctionSignature("vector", (_SCALAR,)),
)  # fmt: skip

FUNCTIONS: Mapping[str, FunctionSignature] = MappingProxyType({each.name: each for each in _SIGNATURES})
"""Every function by name."""

AGGREGATIONS: Mapping[str, AggregationSignature] = MappingProxyType(
    {
        "avg": AggregationSignature("avg"),
        "bottomk": AggregationSignature("bottomk", _SCALAR),
        "count": AggregationSignature("count"),
        "count_values": AggregationSignature("count_values", _STRING),
        "group": AggregationSignature("group"),
        "limit_ratio": AggregationSignature("limit_ratio", _SCALAR, experimental=True),
        "limitk": AggregationSignature("limitk", _SCALAR, experimental=True),
        "max": AggregationSignature("max"),
        "min": AggregationSignature("min"),
        "quantile": AggregationSignature("quantile", _SCALAR),
        "stddev": AggregationSignature("stddev"),
        "stdvar": AggregationSignature("stdvar"),
        "sum": AggregationSignature("sum"),
        "topk": AggregationSignature("topk", _SCALAR),
    }
)
"""Every aggregation operator by name, lower case."""
