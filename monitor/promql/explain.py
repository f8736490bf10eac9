"""What a query does: its tree, what each part was expected to cost, and what it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.promql.estimates import CostEstimate, NodeCost
from monitor.promql.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Expression,
    MatrixSelector,
    Node,
    Subquery,
    VectorSelector,
    children,
)
from monitor.promql.syntax.printing import format_expression
from monitor.promql.watch import NodeTrace, QueryWatch


@dataclass(frozen=True, slots=True)
class ExplainedNode:
    """One part of an expression. `trace` None: it was not evaluated; `cost` None: it was not reached."""

    kind: str
    text: str
    cost: NodeCost | None
    trace: NodeTrace | None
    children: tuple[ExplainedNode, ...]


def explain(expression: Expression, estimate: CostEstimate, watch: QueryWatch) -> ExplainedNode:
    below = tuple(explain(child, estimate, watch) for child in _operands(expression))
    cost, trace = estimate.costs.get(id(expression)), watch.nodes.get(id(expression))
    return ExplainedNode(_kind(expression), format_expression(expression), cost, trace, below)


def _operands(node: Node) -> Iterator[Expression]:
    """The expressions directly below; durations are none, and the selector of a range is a part of it."""
    if isinstance(node, MatrixSelector | VectorSelector):
        return
    if isinstance(node, Subquery):
        yield node.expression
        return
    yield from (child for child in children(node) if isinstance(child, Expression))


def _kind(node: Expression) -> str:
    match node:
        case Aggregation() | Binary():
            return node.operator
        case Call():
            return f"{node.function}()"
    return _KINDS.get(type(node).__name__, type(node).__name__)


_KINDS = {
    "VectorSelector": "selector",
    "MatrixSelector": "range selector",
    "Subquery": "subquery",
    "Unary": "sign",
    "Paren": "parentheses",
    "NumberLiteral": "number",
    "StringLiteral": "string",
}
