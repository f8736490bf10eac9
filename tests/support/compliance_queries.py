"""A broad list of queries, in the manner of prometheus/compliance: every function with selectors, modifiers and times.

They fit the series of promql_generator.make_series.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from prometheus_answers import Query
from promql_generator import START_MS

START = START_MS // 1000
SELECTORS = (
    "requests_total",
    "temperature",
    'errors{job="api"}',
    'requests_total{instance!="a"}',
    'temperature{instance=~"a|b",job!~"w.*"}',
    'latency_bucket{le="+Inf"}',
    '{__name__=~"requests_total|level",job="web"}',
    '{"odd"}',
    "level",
    "missing",
)
FEW = SELECTORS[:3]
MODIFIERS = (
    "",
    " offset 5m",
    " offset 1m30s",
    " offset -4m",
    " @ start()",
    " @ end()",
    f" @ {START + 1800}",
    f" @ {START + 1800.5} offset 2m",
    " offset 1m @ end()",
)
RANGES = ("1s", "15s", "1m", "4m59s", "15m", "1h")
COUNTER_FUNCTIONS = ("rate", "increase", "irate", "delta", "idelta", "resets", "changes", "deriv")
OVER_TIME_FUNCTIONS = tuple(
    f"{name}_over_time"
    for name in ("avg", "min", "max", "sum", "count", "last", "present", "absent", "stddev", "stdvar", "mad")
)
MATH_FUNCTIONS = (
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "deg", "rad", "sin", "cos", "tan",
    "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "absent", "scalar", "timestamp",
    "minute", "hour", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "month", "year",
)  # fmt: skip
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
WITH_PARAMETER = ("topk(2, {})", "bottomk(1, {})", "quantile(0.3, {})", "quantile(-1, {})", "quantile(NaN, {})")
GROUPINGS = ("", "by ()", "by (job)", "by (job, instance)", "by (missing)", "without (instance)", "without ()")
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
SETS = ("and", "or", "unless")
MATCHINGS = ("", "on (job, instance)", "ignoring (version)", "on (instance)", "on ()")
CONSTANTS = ("0", "-1.5", "1e300", "NaN", "Inf", "1.5 * 2", "-(2)", "0x1F", "1_000", "2h", ".5", "1 / 0", "3 % 0")
SCALARS = ("2", "-0.5", "0", "NaN", "Inf", "time()", 'scalar(level{job="api"})')
FIXED = (
    "quantile_over_time((2), temperature[5m])", "histogram_quantile((2), latency_bucket)",
    "histogram_quantile((1 + 1), (latency_bucket)) + 1", "(quantile((2), temperature))", "rate((temperature[5m]))",
    "quantile_over_time((scalar(level{job='api'}) + 3), temperature[5m])",
    "-quantile_over_time(((-1 * 2)), temperature[5m])",
    "time()", "pi()", "vector(1)", "vector(time() % 60)", "1 == bool 2", "2 ^ 3 ^ 0.5", "-2 ^ 2", "minute()", "year()",
    'label_replace(requests_total, "to", "x-$1", "instance", "(.*)")',
    'label_replace(requests_total, "to", "${1}$2", "instance", "(a|b)(.*)")',
    'label_replace(requests_total, "instance", "", "instance", ".*")',
    'label_replace(requests_total, "job", "one", "", "")',
    'label_replace(requests_total, "to", "$name", "job", "(?P<name>.).*")',
    'label_join(requests_total, "both", "-", "job", "instance")',
    'label_join(requests_total, "both", "", "missing", "job")',
    'label_join(requests_total, "instance", ",")',
    'count_values("value", level)', 'count_values by (job) ("v", round(temperature, 20))',
    'count_values without (instance) ("job", level)',
    "absent(missing)", 'absent(missing{a="b",c=~"d"})', "absent(sum(missing))", "absent_over_time(missing[5m])",
    "sum(requests_total) / count(requests_total)", "sum by (job) (rate(requests_total[5m])) > 0.1",
    "clamp(temperature, -10, 10)", "clamp_min(temperature, 0)", "clamp_max(temperature, 0)", "clamp(temperature, 5, 1)",
    "round(temperature, 0.1)", "round(temperature, -5)", "round(temperature, 0)", "-temperature", "+temperature",
    "-(temperature > 0)", "(((temperature)))",
    "requests_total * on (job) group_left (version) info", "info * on (job) group_right (version) requests_total",
    "requests_total * on (job) group_left () level", "requests_total / ignoring (instance) group_left level",
    "requests_total / on (job) level", "requests_total + errors + temperature", "level == on (job) info",
    "histogram_quantile(0.5, temperature)", "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
    "holt_winters(temperature[5m], 0.5, 0.5)", "sort_by_label(requests_total, \"instance\")",
    "requests_total[5m]", "sum(requests_total) by (job)[5m:1m]", "{}", "{a=\"\"}", "rate(requests_total)",
    "sum(requests_total[5m])", "temperature and on (job) (level > 1)", "temperature unless level",
    "up or on (job) level", "level or level", "limitk(2, requests_total)", "limit_ratio(0.5, requests_total)",
    "rate(requests_total[5m] offset 1m) - rate(requests_total[5m])", "avg_over_time(requests_total[5m] @ end())",
    "predict_linear(temperature[15m] @ start(), 60)", "sum(requests_total) without (job)",
    "info(requests_total)", "timestamp(timestamp(temperature))", "timestamp(temperature + 0)",
    "max(temperature) by (job) - min(temperature) by (job)", "rate(latency_bucket[1m])",
    "sum_over_time(vector(1)[5m:30s])", "max_over_time(time()[5m:30s])", '"text"', "scalar(temperature)",
    "temperature == temperature", "temperature != temperature", "temperature < bool temperature",
    "quantile_over_time(scalar(level{job=\"api\"}), temperature[5m])", "topk(scalar(level{job=\"api\"}), temperature)",
    "quantile(scalar(level{job=\"api\"}) / 4, temperature)", "vector(scalar(requests_total))", "sum(vector(1)) + 1",
)  # fmt: skip
SORTS = ("sort(temperature)", "sort_desc(requests_total)", "topk(3, temperature)", "bottomk(20, requests_total)",
         "sort(rate(requests_total[5m]))", "sort_desc(-level)", "topk by (job) (1, requests_total)")  # fmt: skip


def expressions() -> list[str]:
    """Each once, in an order that is always the same."""
    everything = [
        *(selector + modifier for selector, modifier in product(SELECTORS, MODIFIERS)),
        *_range_calls(),
        *(f"{function}({selector})" for function, selector in product(MATH_FUNCTIONS, SELECTORS[1:4] + SELECTORS[7:])),
        *(f"{function}({constant})" for function, constant in product(("vector", "abs"), CONSTANTS)),
        *CONSTANTS,
        *_aggregations(),
        *_binary_operations(),
        *_subqueries(),
        *_histogram_calls(),
        *FIXED,
    ]
    return list(dict.fromkeys(everything))


def _range_calls() -> Iterator[str]:
    functions = COUNTER_FUNCTIONS + OVER_TIME_FUNCTIONS
    for function, selector, window in product(functions, SELECTORS[:2] + SELECTORS[7:8], RANGES):
        yield f"{function}({selector}[{window}])"
    for function, selector, modifier in product(functions, ("requests_total", "missing"), MODIFIERS[1:]):
        yield f"{function}({selector}[5m]{modifier})"
    for selector, window, quantile in product(FEW, RANGES[2:5], ("0.5", "0", "1", "-1", "2", "NaN")):
        yield f"quantile_over_time({quantile}, {selector}[{window}])"
    for selector, window, ahead in product(FEW, RANGES[2:5], ("60", "-3600", "0.5")):
        yield f"predict_linear({selector}[{window}], {ahead})"
    for selector, window in product(FEW, RANGES[2:5]):
        yield f"double_exponential_smoothing({selector}[{window}], 0.3, 0.7)"


def _aggregations() -> Iterator[str]:
    for operator, grouping, selector in product(AGGREGATIONS, GROUPINGS, (*FEW, "missing")):
        yield f"{operator} {grouping} ({selector})"
    for template, grouping in product(WITH_PARAMETER, GROUPINGS):
        name, _, rest = template.partition("(")
        yield f"{name} {grouping} ({rest.format('temperature')}"
    for operator in AGGREGATIONS:
        yield f"{operator} by (job) (rate(requests_total[5m]))"


def _binary_operations() -> Iterator[str]:
    operators = ARITHMETIC + COMPARISONS
    for operator, scalar in product(operators, SCALARS):
        yield f"temperature {operator} {scalar}"
        yield f"{scalar} {operator} temperature"
    for operator in COMPARISONS:
        yield f"temperature {operator} bool 1"
        yield f"requests_total {operator} bool on (job, instance) errors"
    for operator, matching in product(operators + SETS, MATCHINGS):
        yield f"requests_total {operator} {matching} errors"
    for operator, side in product(ARITHMETIC + COMPARISONS, ("group_left", "group_right")):
        left, right = ("requests_total", "level") if side == "group_left" else ("level", "requests_total")
        yield f"{left} {operator} on (job) {side} () {right}"
    for operator in SETS:
        yield f"requests_total {operator} on (job) level{{job='api'}}"
        yield f"(requests_total > 100) {operator} ignoring (instance) (temperature < 0)"
    for operator, left, right in product(ARITHMETIC, ("1", "0"), ("2", "NaN")):
        yield f"{left} {operator} {right}"


def _subqueries() -> Iterator[str]:
    functions = ("max_over_time", "avg_over_time", "rate", "count_over_time", "last_over_time", "stddev_over_time")
    windows = ("[10m:1m]", "[10m:37s]", "[5m:]", "[1m:1s]", "[10m:1m] offset 3m", "[10m:1m] @ end()", "[1h:5m]")
    for function, window in product(functions, windows):
        yield f"{function}(requests_total{window})"
        yield f"{function}((temperature * 2){window})"
    for function, window in product(functions, windows[:4]):
        yield f"{function}(rate(requests_total[2m]){window})"
        yield f"max_over_time({function}(sum(temperature)[3m:20s]){window})"


def _histogram_calls() -> Iterator[str]:
    for quantile in ("0", "0.1", "0.5", "0.99", "1", "-1", "2", "NaN"):
        yield f"histogram_quantile({quantile}, latency_bucket)"
        yield f"histogram_quantile({quantile}, rate(latency_bucket[5m]))"
        yield f"histogram_quantile({quantile}, sum by (job, le) (rate(latency_bucket[5m])))"


def queries(*, every_time: bool) -> Iterator[Query]:
    """Each expression at an instant, at aligned steps and at unaligned ones; if not `every_time`, at one of these."""
    for number, expression in enumerate(expressions()):
        times = _times(expression)
        yield from times if every_time else [times[number % len(times)]]
    for expression in SORTS:
        yield from (_instant(expression, START + 1800), _instant(expression, START + 2000.123))


def _times(expression: str) -> list[Query]:
    aligned = Query(expression, (START + 600) * 1000, (START + 2400) * 1000, 60_000)
    unaligned = Query(expression, START * 1000 + 733_123, START * 1000 + 4_200_007, 97_013)
    return [aligned, unaligned, _instant(expression, START + 1815), _instant(expression, START + 1801.777)]


def _instant(expression: str, at: float) -> Query:
    return Query(expression, round(at * 1000), round(at * 1000), None)
