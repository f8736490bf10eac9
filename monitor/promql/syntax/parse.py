"""PromQL text to a checked syntax tree: the grammar of Prometheus 3.14 (promql/parser/generated_parser.y).

Syntax errors are reported first, from left to right, then errors of types; always the first one, with its position
and in upstream's words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from monitor.errors import Span
from monitor.model.matchers import Matcher
from monitor.promql.features import Features
from monitor.promql.syntax.function_signatures import AGGREGATIONS, FUNCTIONS
from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.lexer import (
    END,
    IDENTIFIER,
    METRIC_NAME_KINDS,
    OPERAND_START_KINDS,
    QUERY_KEYWORDS,
    STRING,
    Token,
)
from monitor.promql.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Expression,
    MatchCardinality,
    NumberLiteral,
    Paren,
    StringLiteral,
    Unary,
    ValueType,
)
from monitor.promql.syntax.parse_durations import NUMBER_KINDS, SIGN_KINDS, parse_number, with_sign
from monitor.promql.syntax.parse_matching import NO_MODIFIERS, BinaryModifiers, parse_binary_modifiers, parse_grouping
from monitor.promql.syntax.parse_modifiers import MODIFIER_KINDS, parse_modifier
from monitor.promql.syntax.parse_selector import parse_named_selector, parse_selector
from monitor.promql.syntax.precedence import LOWEST, PRECEDENCES, UNARY, binds_first
from monitor.promql.syntax.string_literals import unquote
from monitor.promql.syntax.token_stream import TokenStream
from monitor.promql.syntax.type_check import SET_OPERATORS, check_types, value_type

_CALL_KINDS = QUERY_KEYWORDS | {IDENTIFIER}
_GROUPING_KINDS = frozenset({"by", "without"})


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """How large an expression may be.

    `depth_max` limits the nesting of the text and the depth of the tree, whichever is deeper; `1+1+1` is a tree of
    depth 3. Parsing takes at most 4 stack frames a level, so 150 levels stay clear of Python's limit of 1000 frames
    and leave room for the code that walks the tree.
    """

    characters_max: int = 1_000_000
    depth_max: int = 150


DEFAULT_FEATURES = Features()
DEFAULT_LIMITS = ParseLimits()


def parse_expression(
    text: str, features: Features = DEFAULT_FEATURES, limits: ParseLimits = DEFAULT_LIMITS
) -> Expression:
    """The checked tree of `text`. Raises ParseError, and nothing else, on any text."""
    stream = _open(text, features, limits)
    if stream.kind == END:
        raise stream.error("no expression found in input", 0, 0)
    expression = _Parser(stream).expression().node
    stream.expect(END)
    check_types(expression, text)
    return expression


def parse_series_selector(
    text: str, features: Features = DEFAULT_FEATURES, limits: ParseLimits = DEFAULT_LIMITS
) -> tuple[Matcher, ...]:
    """The matchers of `text`, which may only be an instant vector selector without modifiers, as in `match[]`.

    As upstream's ParseMetricSelector this does not ask for a matcher that excludes the empty text: a handler of
    `match[]` has to. The matcher of a name before the braces comes last. Raises ParseError.
    """
    stream = _open(text, features, limits)
    selector = parse_selector(stream)
    stream.expect(END)
    return selector.matchers


def _open(text: str, features: Features, limits: ParseLimits) -> TokenStream:
    stream = TokenStream(text, features, limits.depth_max)
    if len(text) > limits.characters_max:
        message = f"expression has {len(text)} characters, at most {limits.characters_max} are allowed"
        raise stream.error(f"{message} (expression_length)", limits.characters_max)
    return stream


class _Operand(NamedTuple):
    """A part of the tree, how deep it is, and what it evaluates to."""

    node: Expression
    depth: int
    type: ValueType


@dataclass(frozen=True, slots=True)
class _Pending:
    """An operator that waits for its right operand."""

    sign: Token
    precedence: int
    is_prefix: bool = False
    modifiers: BinaryModifiers = NO_MODIFIERS


class _Parser:
    """One method for each thing that may stand where a value stands; `expression` joins them by operators."""

    __slots__ = ("_stream",)

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream

    def expression(self) -> _Operand:
        stream = self._stream
        operands: list[_Operand] = []
        pending: list[_Pending] = []
        while True:
            while stream.kind in SIGN_KINDS:
                self._push(pending, _Pending(stream.take(), UNARY, is_prefix=True))
            operand = self._operand()
            while stream.kind in MODIFIER_KINDS:
                operand = self._modified(operand)
            operands.append(operand)
            precedence = PRECEDENCES.get(stream.kind)
            if precedence is None:
                self._reduce(operands, pending, LOWEST)
                return operands[0]
            self._reduce(operands, pending, precedence)
            sign = stream.take()
            self._push(pending, _Pending(sign, precedence, modifiers=parse_binary_modifiers(stream)))

    def _push(self, pending: list[_Pending], operator: _Pending) -> None:
        pending.append(operator)
        self._stream.check_depth(len(pending), operator.sign.start)

    def _reduce(self, operands: list[_Operand], pending: list[_Pending], precedence: int) -> None:
        """Joins operands as long as the operator between them binds tighter than one of `precedence` to the right."""
        while pending and binds_first(pending[-1].precedence, precedence):
            self._stream.check_token()
            operator = pending.pop()
            right = operands.pop()
            if operator.is_prefix:
                joined = _unary(operator.sign, right)
            else:
                joined = self._binary(operator, operands.pop(), right)
            self._stream.check_depth(joined.depth, joined.node.span.start)
            operands.append(joined)

    def _binary(self, operator: _Pending, left: _Operand, right: _Operand) -> _Operand:
        span = Span(left.node.span.start, right.node.span.end)
        modifiers = operator.modifiers
        if modifiers.has_fill and not self._stream.features.promql_binop_fill_modifiers:
            raise self._stream.error("binop fill modifiers are experimental and not enabled", span.start, span.end)
        matching = modifiers.matching
        if operator.sign.kind in SET_OPERATORS and matching.cardinality is MatchCardinality.ONE_TO_ONE:
            matching = replace(matching, cardinality=MatchCardinality.MANY_TO_MANY)
        joins_vectors = left.type is ValueType.VECTOR and right.type is ValueType.VECTOR
        is_kept = joins_vectors or matching.labels or modifiers.has_fill
        both_scalar = left.type is ValueType.SCALAR and right.type is ValueType.SCALAR
        node = Binary(
            operator.sign.kind,
            left.node,
            right.node,
            modifiers.return_bool,
            matching if is_kept else None,
            span=span,
        )
        kind = ValueType.SCALAR if both_scalar else ValueType.VECTOR
        return _Operand(node, max(left.depth, right.depth) + 1, kind)

    def _modified(self, operand: _Operand) -> _Operand:
        """`operand` under the modifier that comes next; modifiers bind tighter than any operator."""
        node, depth = parse_modifier(self._stream, operand.node, operand.depth)
        self._stream.check_depth(depth, node.span.start)
        return _Operand(node, depth, value_type(node))

    def _operand(self) -> _Operand:
        stream = self._stream
        kind = stream.kind
        if kind in METRIC_NAME_KINDS:
            name = stream.take()
            if stream.kind == "(" and kind in _CALL_KINDS:
                return self._call(name)
            if kind in AGGREGATIONS and (stream.kind == "(" or stream.kind in _GROUPING_KINDS):
                return self._aggregation(name)
            return _Operand(parse_named_selector(stream, name), 1, ValueType.VECTOR)
        if kind in NUMBER_KINDS:
            return _Operand(parse_number(stream), 1, ValueType.SCALAR)
        if kind == "(":
            return self._parenthesized()
        if kind == "{":
            return _Operand(parse_selector(stream), 1, ValueType.VECTOR)
        if kind == STRING:
            return self._string()
        raise stream.unexpected()

    def _string(self) -> _Operand:
        token = self._stream.take()
        literal = StringLiteral(unquote(token.text), span=Span(token.start, self._stream.end))
        return _Operand(literal, 1, ValueType.STRING)

    def _parenthesized(self) -> _Operand:
        stream = self._stream
        stream.enter()
        start = stream.take().start
        inner = self.expression()
        stream.expect(")")
        stream.leave()
        node = Paren(inner.node, span=Span(start, stream.end))
        stream.check_depth(inner.depth + 1, start)
        return _Operand(node, inner.depth + 1, inner.type)

    def _call(self, name: Token) -> _Operand:
        stream = self._stream
        arguments, depth = self._arguments()
        signature = FUNCTIONS.get(name.text)
        if signature is None:
            raise stream.error_at(name, f"unknown function with name {quote_text(name.text)}")
        if signature.experimental and not stream.features.promql_experimental_functions:
            raise stream.error_at(name, f"function {quote_text(name.text)} is not enabled")
        node = Call(name.text, arguments, span=Span(name.start, stream.end))
        stream.check_depth(depth + 1, name.start)
        return _Operand(node, depth + 1, signature.return_type)

    def _arguments(self) -> tuple[tuple[Expression, ...], int]:
        """Expressions in parentheses, and the depth of the deepest."""
        stream = self._stream
        stream.enter()
        stream.take()
        arguments: list[_Operand] = []
        while stream.kind != ")":
            arguments.append(self.expression())
            if stream.kind == ",":
                comma = stream.take()
                stream.check_token()
                if stream.kind not in OPERAND_START_KINDS:
                    raise stream.error_at(comma, "trailing commas not allowed in function call args")
            elif stream.kind != ")":
                raise stream.unexpected()
        stream.take()
        stream.leave()
        depth = max((argument.depth for argument in arguments), default=0)
        return tuple(argument.node for argument in arguments), depth

    def _aggregation(self, operator: Token) -> _Operand:
        stream = self._stream
        stream.open_aggregations += 1
        grouping, without = self._grouping()
        has_grouping = grouping is not None
        if stream.kind != "(":
            raise stream.unexpected()
        arguments, depth = self._arguments()
        stream.open_aggregations -= 1
        end = stream.end
        if not has_grouping:
            stream.check_token()
            grouping, without = self._grouping()
            end = stream.end
        self._check_aggregation(operator, arguments, end)
        node = Aggregation(
            operator.kind,
            arguments[-1],
            arguments[0] if len(arguments) > 1 else None,
            grouping or (),
            without,
            span=Span(operator.start, end),
        )
        stream.check_depth(depth + 1, operator.start)
        return _Operand(node, depth + 1, ValueType.VECTOR)

    def _grouping(self) -> tuple[tuple[str, ...] | None, bool]:
        """The labels of `by` or `without`, None if there is neither, and whether it is `without`."""
        if self._stream.kind not in _GROUPING_KINDS:
            return None, False
        without = self._stream.take().kind == "without"
        return parse_grouping(self._stream), without

    def _check_aggregation(self, operator: Token, arguments: tuple[Expression, ...], end: int) -> None:
        signature = AGGREGATIONS[operator.kind]
        wanted = 2 if signature.parameter_type else 1
        if not arguments:
            problem = "no arguments for aggregate expression provided"
        elif signature.experimental and not self._stream.features.promql_experimental_functions:
            flag = "--enable-feature=promql-experimental-functions"
            problem = f"{operator.kind}() is experimental and must be enabled with {flag}"
        elif len(arguments) != wanted:
            problem = (
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}"
            )
        else:
            return
        raise self._stream.error(problem, operator.start, end)


def _unary(sign: Token, operand: _Operand) -> _Operand:
    if isinstance(operand.node, NumberLiteral):
        return operand._replace(node=with_sign(sign, operand.node))
    node = Unary(sign.kind, operand.node, span=Span(sign.start, operand.node.span.end))
    return _Operand(node, operand.depth + 1, operand.type)
