"""An expression made ready: its syntax tree, what is known of it without data, and the labels derived so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from monitor.errors import Span
from monitor.model.label_frame import LabelFrame
from monitor.promql.syntax.nodes import (
    Aggregation,
    Call,
    Expression,
    Node,
    Paren,
    Subquery,
    VectorSelector,
    children,
)

Derived = TypeVar("Derived")

_STEP_DEPENDENT_FUNCTIONS = frozenset(
    {
        *("days_in_month", "day_of_month", "day_of_week", "day_of_year", "hour", "minute", "month", "year"),
        *("predict_linear", "time", "timestamp"),
    }
)
"""Functions that look at the evaluation time, or at the time stamps of an instant vector."""

_STATISTICS_FUNCTIONS = frozenset({"histogram_avg", "histogram_count", "histogram_sum"})
_BUCKET_FUNCTIONS = frozenset({"histogram_fraction", "histogram_quantile", "histogram_quantiles"})


class Memo:
    """Remembers what was derived from label frames, as long as it is asked with the very same frames.

    One result is kept for each key. Several threads may use it at once: at worst something is derived twice.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[Hashable, tuple[tuple[LabelFrame, ...], object]] = {}

    def derive(self, key: Hashable, inputs: tuple[LabelFrame, ...], derivation: Callable[[], Derived]) -> Derived:
        entry = self._entries.get(key)
        if entry is not None and entry[0] == inputs:  # frames are equal only to themselves
            return entry[1]  # type: ignore[return-value]
        result = derivation()
        self._entries[key] = (inputs, result)
        return result


class Plan:
    """Immutable but for its memo; may be evaluated by several threads at once."""

    __slots__ = ("_statistics", "_step_invariant", "expression", "memo", "text")

    def __init__(self, text: str, expression: Expression) -> None:
        self.text = text
        self.expression = expression
        self.memo = Memo()
        self._step_invariant: set[int] = set()
        _collect_step_invariant(expression, self._step_invariant)
        self._statistics: set[int] = set()
        _collect_statistics(expression, self._statistics, is_statistic=False)

    def is_step_invariant(self, node: Node) -> bool:
        """Whether `node`, which is part of this expression, has the same value at every step."""
        return id(node) in self._step_invariant

    def argument_span(self, argument: Expression, call: Call) -> Span:
        """Where a remark about an argument points to: within its parentheses, as a rule.

        Upstream evaluates an argument that is the same at every step apart, in a call that is not, and then the
        parentheses belong to it.
        """
        if self.is_step_invariant(argument) and not self.is_step_invariant(call):
            return argument.span
        return unwrapped(argument).span

    def asks_for_statistics(self, node: VectorSelector) -> bool:
        """Whether only count and sum of the native histograms of a selector are asked for.

        Upstream reads them in another way then, which has a consequence: sums may tell of conflicting resets.
        """
        return id(node) in self._statistics


def unwrapped(node: Expression) -> Expression:
    """`node` without parentheses around it."""
    while isinstance(node, Paren):
        node = node.expression
    return node


def _collect_step_invariant(node: Node, found: set[int]) -> bool:
    """Adds the ids of the nodes for which evaluating once is enough, by the rules of preprocessExprHelper upstream.

    Returns whether `node` is one of them.
    """
    below = [_collect_step_invariant(child, found) for child in children(node)]
    match node:
        case VectorSelector() | Subquery():
            invariant = node.at is not None
        case Aggregation():
            invariant = id(node.expression) in found
        case Call():
            invariant = node.function not in _STEP_DEPENDENT_FUNCTIONS and all(below)
        case _:
            invariant = all(below)
    if invariant:
        found.add(id(node))
    return invariant


def _collect_statistics(node: Node, found: set[int], *, is_statistic: bool) -> None:
    """Adds the ids of the selectors below functions that see count and sum only (detectHistogramStatsDecoding)."""
    if isinstance(node, VectorSelector) and is_statistic:
        found.add(id(node))
    if isinstance(node, Call) and node.function in _STATISTICS_FUNCTIONS:
        is_statistic = True
    if isinstance(node, Subquery) or (isinstance(node, Call) and node.function in _BUCKET_FUNCTIONS):
        return
    for child in children(node):
        _collect_statistics(child, found, is_statistic=is_statistic)
