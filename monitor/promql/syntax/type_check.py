"""What an expression evaluates to, and whether its parts fit: upstream's checkAST (promql/parser/parse.go)."""

from __future__ import annotations

from collections.abc import Callable

from monitor.errors import ParseError, Span
from monitor.model.labels import METRIC_NAME
from monitor.promql.syntax.function_signatures import AGGREGATIONS, FUNCTIONS, FunctionSignature
from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Expression,
    MatchCardinality,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)

COMPARISONS = frozenset({"==", "!=", "<=", "<", ">=", ">"})
SET_OPERATORS = frozenset({"and", "or", "unless"})
_GROUPED = (MatchCardinality.MANY_TO_ONE, MatchCardinality.ONE_TO_MANY)
_OPERAND_TYPES = (ValueType.SCALAR, ValueType.VECTOR)
_SHORT_NAMES = {ValueType.VECTOR: "vector", ValueType.MATRIX: "matrix"}
_SPACES = " \t\n\r"


def value_type(node: Expression) -> ValueType:
    """The type of a node's value, for well-typed and ill-typed trees alike."""
    while isinstance(node, Paren | Unary):
        node = node.expression if isinstance(node, Paren) else node.operand
    if isinstance(node, Binary):
        is_scalar = value_type(node.left) is ValueType.SCALAR and value_type(node.right) is ValueType.SCALAR
        return ValueType.SCALAR if is_scalar else ValueType.VECTOR
    if isinstance(node, Call):
        return FUNCTIONS[node.function].return_type
    return _TYPES[type(node)]


_TYPES: dict[type[Node], ValueType] = {
    NumberLiteral: ValueType.SCALAR,
    StringLiteral: ValueType.STRING,
    VectorSelector: ValueType.VECTOR,
    MatrixSelector: ValueType.MATRIX,
    Subquery: ValueType.MATRIX,
    Aggregation: ValueType.VECTOR,
}


def check_types(expression: Expression, text: str) -> None:
    """Raises ParseError at the first part of `expression`, parsed from `text`, that does not fit its place."""
    _TypeChecker(text).check(expression)


class _TypeChecker:
    """Each method checks one kind of node with everything below it and returns the node's type."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def check(self, node: Expression) -> ValueType:
        return _CHECKS[type(node)](self, node)

    def _error(self, node: Node, message: str) -> ParseError:
        return ParseError(message, self._text, node.span)

    def _literal(self, node: NumberLiteral | StringLiteral) -> ValueType:
        return _TYPES[type(node)]

    def _paren(self, node: Paren) -> ValueType:
        return self.check(node.expression)

    def _unary(self, node: Unary) -> ValueType:
        operand = self.check(node.operand)
        if operand not in _OPERAND_TYPES:
            wanted = "unary expression only allowed on expressions of type scalar or instant vector"
            raise self._error(node, f'{wanted}, got "{operand.value}"')
        return operand

    def _subquery(self, node: Subquery) -> ValueType:
        inner = self.check(node.expression)
        if inner is not ValueType.VECTOR:
            got = _SHORT_NAMES.get(inner, inner.value)
            raise self._error(node, f"subquery is only allowed on instant vector, got {got} instead")
        return ValueType.MATRIX

    def _matrix_selector(self, node: MatrixSelector) -> ValueType:
        self.check(node.selector)
        return ValueType.MATRIX

    def _vector_selector(self, node: VectorSelector) -> ValueType:
        self._check_name(node)
        if not node.name and all(matcher.matches_empty for matcher in node.matchers):
            raise self._error(node, "vector selector must contain at least one non-empty matcher")
        return ValueType.VECTOR

    def _check_name(self, node: VectorSelector) -> None:
        """The last matcher is the one of the name before the braces, if there is one."""
        if not node.name:
            return
        for matcher in node.matchers[:-1]:
            if matcher.name == METRIC_NAME:
                names = f"{quote_text(node.name)} or {quote_text(matcher.value)}"
                raise self._error(node, f"metric name must not be set twice: {names}")

    def _aggregation(self, node: Aggregation) -> ValueType:
        self._expect(node.expression, ValueType.VECTOR, "aggregation expression")
        wanted = AGGREGATIONS[node.operator].parameter_type
        if wanted is not None and node.parameter is not None:
            self._expect(node.parameter, wanted, "aggregation parameter")
        return ValueType.VECTOR

    def _expect(self, node: Expression, wanted: ValueType, place: str) -> None:
        got = self.check(node)
        if got is not wanted:
            raise self._error(node, f"expected type {wanted.value} in {place}, got {got.value}")

    def _call(self, node: Call) -> ValueType:
        signature = FUNCTIONS[node.function]
        self._check_argument_count(node, signature)
        place = f"call to function {quote_text(node.function)}"
        arguments = node.arguments
        if node.function == "info" and len(arguments) > 1:
            self._check_info_labels(node, place)
            arguments = arguments[:1]
        for position, argument in enumerate(arguments):
            self._expect(argument, signature.argument_type(position), place)
        return signature.return_type

    def _check_argument_count(self, node: Call, signature: FunctionSignature) -> None:
        got, least, most = len(node.arguments), signature.arguments_min, signature.arguments_max
        if least == most and got != least:
            wanted = f"{least}"
        elif got < least:
            wanted = f"at least {least}"
        elif most is not None and got > most:
            wanted = f"at most {most}"
        else:
            return
        place = f"call to {quote_text(node.function)}"
        raise self._error(node, f"expected {wanted} argument(s) in {place}, got {got}")

    def _check_info_labels(self, node: Call, place: str) -> None:
        """The second argument of info() names labels; as no series are selected by it, it may match everything."""
        argument = node.arguments[1]
        got = value_type(argument)
        if got is not ValueType.VECTOR:
            raise self._error(node, f"expected type {ValueType.VECTOR.value} in {place}, got {got.value}")
        if not isinstance(argument, VectorSelector):
            raise self._error(argument, "expected label selectors only")
        if argument.name:
            raise self._error(argument, "expected label selectors only, got vector selector instead")

    def _binary(self, node: Binary) -> ValueType:
        left, right = self.check(node.left), self.check(node.right)
        both_scalar = left is ValueType.SCALAR and right is ValueType.SCALAR
        is_comparison = node.operator in COMPARISONS
        if node.return_bool and not is_comparison:
            raise self._operator_error(node, "bool modifier can only be used on comparison operators")
        if is_comparison and not node.return_bool and both_scalar:
            raise self._operator_error(node, "comparisons between scalars must use BOOL modifier")
        if node.matching is not None:
            self._check_labels(node, node.matching)
        for side, side_type in ((node.left, left), (node.right, right)):
            if side_type not in _OPERAND_TYPES:
                raise self._error(side, "binary expression must contain only scalar and instant vector types")
        joins_vectors = left is ValueType.VECTOR and right is ValueType.VECTOR
        if node.matching is not None:
            self._check_matching(node, node.matching, joins_vectors=joins_vectors)
        if node.operator in SET_OPERATORS and not joins_vectors:
            raise self._error(node, f'set operator "{node.operator}" not allowed in binary scalar expression')
        return ValueType.SCALAR if both_scalar else ValueType.VECTOR

    def _check_labels(self, node: Binary, matching: VectorMatching) -> None:
        included = frozenset(matching.include if matching.on else ())
        for label in matching.labels:
            if label in included:
                message = f"label {quote_text(label)} must not occur in ON and GROUP clause at once"
                raise self._operator_error(node, message)

    def _check_matching(self, node: Binary, matching: VectorMatching, *, joins_vectors: bool) -> None:
        has_fill = matching.fill_left is not None or matching.fill_right is not None
        is_set = node.operator in SET_OPERATORS
        if not joins_vectors and matching.labels:
            raise self._error(node, "vector matching only allowed between instant vectors")
        if not joins_vectors and has_fill:
            raise self._error(node, "filling in missing series only allowed between instant vectors")
        if joins_vectors and is_set and matching.cardinality in _GROUPED:
            raise self._error(node, f'no grouping allowed for "{node.operator}" operation')
        if joins_vectors and is_set and has_fill:
            raise self._error(node, "filling in missing series not allowed for set operators")

    def _operator_error(self, node: Binary, message: str) -> ParseError:
        """An error that points at what stands between the two sides."""
        start, end = node.left.span.end, node.right.span.start
        while start < end and self._text[start] in _SPACES:
            start += 1
        return ParseError(message, self._text, Span(start, end))


_CHECKS: dict[type[Node], Callable[..., ValueType]] = {
    NumberLiteral: _TypeChecker._literal,
    StringLiteral: _TypeChecker._literal,
    VectorSelector: _TypeChecker._vector_selector,
    MatrixSelector: _TypeChecker._matrix_selector,
    Subquery: _TypeChecker._subquery,
    Call: _TypeChecker._call,
    Aggregation: _TypeChecker._aggregation,
    Binary: _TypeChecker._binary,
    Unary: _TypeChecker._unary,
    Paren: _TypeChecker._paren,
}
