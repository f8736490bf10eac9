"""Trees as JSON, in the shape of Prometheus's `/api/v1/parse_query` (web/api/v1/translate_ast.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitor.model.matchers import Matcher
from monitor.promql.functions.go_format import format_plain
from monitor.promql.syntax.function_signatures import FUNCTIONS
from monitor.promql.syntax.go_text import with_replacement
from monitor.promql.syntax.nodes import (
    Aggregation,
    AtPreset,
    Binary,
    Call,
    Duration,
    Expression,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    RangeModifier,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)

Json = dict[str, Any]
"""Built of dicts, lists, texts, numbers, booleans and None only."""
_TYPE_NAMES = {
    ValueType.SCALAR: "scalar",
    ValueType.VECTOR: "vector",
    ValueType.MATRIX: "matrix",
    ValueType.STRING: "string",
}


def expression_json(node: Expression) -> Json:
    """`node` and everything below it. Durations are milliseconds, and 0 where they are expressions."""
    return _SHAPES[type(node)](node)


def _number(node: NumberLiteral) -> Json:
    return {"type": "numberLiteral", "val": format_plain(node.value)}


def _string(node: StringLiteral) -> Json:
    return {"type": "stringLiteral", "val": with_replacement(node.value)}


def _paren(node: Paren) -> Json:
    return {"type": "parenExpr", "expr": expression_json(node.expression)}


def _unary(node: Unary) -> Json:
    return {"type": "unaryExpr", "op": node.operator, "expr": expression_json(node.operand)}


def _binary(node: Binary) -> Json:
    return {
        "type": "binaryExpr",
        "op": node.operator,
        "lhs": expression_json(node.left),
        "rhs": expression_json(node.right),
        "matching": _matching(node.matching) if node.matching else None,
        "bool": node.return_bool,
    }


def _matching(matching: VectorMatching) -> Json:
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }


def _call(node: Call) -> Json:
    signature = FUNCTIONS[node.function]
    return {
        "type": "call",
        "func": {
            "name": signature.name,
            "argTypes": [_TYPE_NAMES[argument] for argument in signature.argument_types],
            "variadic": signature.variadic,
            "returnType": _TYPE_NAMES[signature.return_type],
        },
        "args": [expression_json(argument) for argument in node.arguments],
    }


def _aggregation(node: Aggregation) -> Json:
    return {
        "type": "aggregation",
        "op": node.operator,
        "expr": expression_json(node.expression),
        "param": expression_json(node.parameter) if node.parameter is not None else None,
        "grouping": list(node.grouping),
        "without": node.without,
    }


def _vector_selector(node: VectorSelector) -> Json:
    return {
        "type": "vectorSelector",
        "name": node.name,
        "offset": _milliseconds(node.offset),
        "matchers": [_matcher(matcher) for matcher in node.matchers],
        **_at(node.at),
        "anchored": node.modifier is RangeModifier.ANCHORED,
        "smoothed": node.modifier is RangeModifier.SMOOTHED,
    }


def _matrix_selector(node: MatrixSelector) -> Json:
    return {**_vector_selector(node.selector), "type": "matrixSelector", "range": _milliseconds(node.range)}


def _subquery(node: Subquery) -> Json:
    return {
        "type": "subquery",
        "expr": expression_json(node.expression),
        "range": _milliseconds(node.range),
        "offset": _milliseconds(node.offset),
        "step": _milliseconds(node.step or 0),
        **_at(node.at),
    }


def _matcher(matcher: Matcher) -> Json:
    name, value = with_replacement(matcher.name), with_replacement(matcher.value)
    return {"name": name, "value": value, "type": matcher.op.value}


def _milliseconds(duration: Duration) -> int:
    return duration if isinstance(duration, int) else 0


def _at(at: int | AtPreset | None) -> Json:
    return {
        "timestamp": at if isinstance(at, int) else None,
        "startOrEnd": at.value if isinstance(at, AtPreset) else None,
    }


_SHAPES: dict[type[Node], Callable[[Any], Json]] = {
    NumberLiteral: _number,
    StringLiteral: _string,
    VectorSelector: _vector_selector,
    MatrixSelector: _matrix_selector,
    Subquery: _subquery,
    Call: _call,
    Aggregation: _aggregation,
    Binary: _binary,
    Unary: _unary,
    Paren: _paren,
}
