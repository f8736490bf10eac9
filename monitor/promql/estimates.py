"""What a query will cost, told before it runs: from the expression, its times and the store's indexes.

    samples that a selector loads     those of its series from the first window's start to the last one's end
    samples in its windows            loaded samples / time they span x time of one window x steps
    values of a part of the query     series x steps, an upper bound where data decide

Both sums and the largest part have a limit: a query that would need 10^9 samples is refused in the time of an index
look-up. What cannot be foreseen (such as filters) is checked while the query runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.errors import LimitExceeded
from monitor.promql.context import QueryContext
from monitor.promql.evaluate import subquery_steps
from monitor.promql.operators.binary_operators import SET_OPERATORS
from monitor.promql.selectors import duration_ms, seen_steps
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Expression,
    MatrixSelector,
    Paren,
    RangeModifier,
    Subquery,
    Unary,
    VectorSelector,
)
from monitor.promql.syntax.printing import format_expression
from monitor.storage.interfaces import SelectionSize, Selector

_ONE_SERIES = frozenset({"absent", "absent_over_time", "vector", "scalar"})
_KEEPS_SERIES = frozenset({"topk", "bottomk", "limitk", "limit_ratio", "count_values"})


@dataclass(frozen=True, slots=True)
class NodeCost:
    """At most `series` series at `steps` steps; for selectors and subqueries also samples, see above."""

    series: int
    steps: int
    loaded_samples: int = 0
    window_samples: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """What a selector looks at: windows of `window_ms` that end `after_ms` after the steps `seen`."""

    seen: Steps
    window_ms: int
    after_ms: int = 0

    @property
    def start_ms(self) -> int:
        return self.seen.start_ms + self.after_ms - self.window_ms + 1

    @property
    def end_ms(self) -> int:
        return self.seen.end_ms + self.after_ms

    def window_samples(self, samples: int) -> int:
        """In all windows, if `samples` are evenly spread over the span."""
        share = min(1.0, self.window_ms / max(1, self.end_ms - self.start_ms + 1))
        return round(samples * share * self.seen.count)


class CostEstimate:
    """The costs of the nodes of one expression, by the id of the node.

    `is_exact` looks every selector up to the sample; without it cheap ones are guessed from their series.
    """

    def __init__(self, context: QueryContext, *, is_exact: bool = False) -> None:
        self._context = context
        self._is_exact = is_exact
        self._sizes: dict[tuple[Selector, int, int], SelectionSize] = {}
        self._largest: tuple[int, Expression | None] = (0, None)
        self.costs: dict[int, NodeCost] = {}
        self.loaded_samples = 0
        self.window_samples = 0
        if context.steps.count:
            self._add(context.plan.expression, context.steps)

    @property
    def is_within_limits(self) -> bool:
        limits = self._context.limits
        return self.loaded_samples <= limits.samples_max and self.window_samples <= limits.window_samples_max

    def check(self) -> None:
        """Raises LimitExceeded."""
        limits = self._context.limits
        if self.loaded_samples > limits.samples_max:
            raise LimitExceeded(
                "query processing would load too many samples into memory: "
                f"about {self.loaded_samples:,}, want at most {limits.samples_max:,} (query_samples)"
            )
        if self.window_samples > limits.window_samples_max:
            raise LimitExceeded(
                f"the query would need about {self.window_samples:,} samples{self._of_largest()}, "
                f"want at most {limits.window_samples_max:,} (query_window_samples)"
            )

    def _of_largest(self) -> str:
        node = self._largest[1]
        if node is None:
            return ""
        cost = self.costs[id(node)]
        per_window = cost.window_samples / max(1, cost.series * cost.steps)
        shape = f"{cost.series:,} series x {per_window:,.4g} samples in a window x {cost.steps:,} steps"
        text = format_expression(node)
        return f" ({shape} in {text if len(text) <= 200 else text[:200] + '…'})"

    def _add(self, node: Expression, steps: Steps) -> int:
        """How many series `node` has at most; a scalar or a string has none."""
        context = self._context
        # A range vector that is the same at every step has its function evaluated at every step all the same.
        if not isinstance(node, MatrixSelector | Subquery) and context.plan.is_step_invariant(node):
            steps = steps.first()
        cost = self._cost(node, steps)
        self.costs[id(node)] = cost
        if cost.window_samples > self._largest[0]:
            self._largest = (cost.window_samples, node)
        return cost.series

    def _cost(self, node: Expression, steps: Steps) -> NodeCost:
        match node:
            case VectorSelector():
                return self._vector(node, steps)
            case MatrixSelector():
                return self._matrix(node, steps)
            case Subquery():
                return self._subquery(node, steps)
            case Call():
                arguments = node.arguments[:1] if node.function == "info" else node.arguments
                most = max((self._add(argument, steps) for argument in arguments), default=0)
                return NodeCost(1 if node.function in _ONE_SERIES else most, steps.count)
            case Aggregation():
                return self._aggregation(node, steps)
            case Binary():
                return self._binary(node, steps)
            case Unary():
                return NodeCost(self._add(node.operand, steps), steps.count)
            case Paren():
                return NodeCost(self._add(node.expression, steps), steps.count)
        return NodeCost(0, steps.count)

    def _vector(self, node: VectorSelector, steps: Steps) -> NodeCost:
        context = self._context
        seen = seen_steps(node, steps, context)
        after_ms = context.lookback_ms if node.modifier is RangeModifier.SMOOTHED else 0
        size = self._size(node.matchers, _Span(seen, context.lookback_ms + after_ms, after_ms))
        context.limits.check_cells(size.series, seen.count)
        return NodeCost(size.series, steps.count, size.samples)

    def _matrix(self, node: MatrixSelector, steps: Steps) -> NodeCost:
        context, modifier = self._context, node.selector.modifier
        range_ms = duration_ms(node.range, context)
        seen = seen_steps(node.selector, steps, context)
        before_ms = context.lookback_ms if modifier is not None else 0
        after_ms = context.lookback_ms if modifier is RangeModifier.SMOOTHED else 0
        span = _Span(seen, range_ms + before_ms + after_ms, after_ms)
        size = self._size(node.selector.matchers, span)
        context.limits.check_cells(size.series, seen.count)
        in_windows = span.window_samples(size.samples)
        self.window_samples += in_windows
        return NodeCost(size.series, steps.count, size.samples, in_windows)

    def _subquery(self, node: Subquery, steps: Steps) -> NodeCost:
        context = self._context
        seen = seen_steps(node, steps, context)
        range_ms = duration_ms(node.range, context)
        inner = subquery_steps(node, seen, range_ms, context)
        if not inner.count:
            return NodeCost(0, steps.count)
        series = self._add(node.expression, inner)
        context.limits.check_cells(series, inner.count)
        in_windows = _Span(seen, range_ms).window_samples(max(1, series) * inner.count)
        self.window_samples += in_windows
        return NodeCost(series, steps.count, 0, in_windows)

    def _aggregation(self, node: Aggregation, steps: Steps) -> NodeCost:
        if node.parameter is not None:
            self._add(node.parameter, steps)
        series = self._add(node.expression, steps)
        is_grouped = node.grouping or node.without or node.operator in _KEEPS_SERIES
        return NodeCost(series if is_grouped else min(1, series), steps.count)

    def _binary(self, node: Binary, steps: Steps) -> NodeCost:
        left, right = self._add(node.left, steps), self._add(node.right, steps)
        if node.operator == "or":
            return NodeCost(left + right, steps.count)
        return NodeCost(left if node.operator in SET_OPERATORS else max(left, right), steps.count)

    # Selectors.

    def _size(self, selector: Selector, span: _Span) -> SelectionSize:
        """The same selection at the same times is loaded, and so counted, once."""
        key = (selector, span.start_ms, span.end_ms)
        size = self._sizes.get(key)
        if size is None:
            left = self._context.limits.samples_max - self.loaded_samples
            size = self._context.reader.size(*key, 0 if self._is_exact else left)
            self._sizes[key] = size
            self.loaded_samples += size.samples
        return size


def check_cost(context: QueryContext) -> None:
    """Raises LimitExceeded if the query would cost too much, EvaluationError if its times or durations are wrong."""
    if not CostEstimate(context).is_within_limits:
        CostEstimate(context, is_exact=True).check()
