"""Numbers, durations and duration expressions: what stands in brackets and after `offset`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.errors import Span
from monitor.promql.syntax.lexer import DURATION, DURATION_KEYWORDS, NUMBER, Token
from monitor.promql.syntax.nodes import (
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpression,
    DurationUnary,
    NumberLiteral,
)
from monitor.promql.syntax.number_literals import duration_seconds, number_value, round_half_away
from monitor.promql.syntax.precedence import DURATION_PRECEDENCES, LOWEST, UNARY, binds_first
from monitor.promql.syntax.token_stream import TokenStream

NUMBER_KINDS = frozenset({NUMBER, DURATION})
SIGN_KINDS = frozenset({"+", "-"})
_CALLS_WITHOUT_ARGUMENTS = frozenset({"step", "range"})
_NS_PER_SECOND = 1_000_000_000
_NS_PER_MS = 1_000_000
_LITERAL_SECONDS_MAX = 2**63 / 1e9
_EXPECTED = "number, duration, step(), or range()"
_EXPECTED_OR_END = 'number, duration, step(), range(), or "]"'

Context = tuple[str, str]
"""Where an unexpected token stands and what was expected there."""
_RANGE: Context = ("subquery or range selector", _EXPECTED)
_AFTER_RANGE: Context = ("subquery or range", '":" or "]"')
_STEP: Context = ("subquery selector", _EXPECTED_OR_END)
_AFTER_STEP: Context = ("subquery selector", '"]"')
_OFFSET: Context = ("offset", _EXPECTED)

_Operand = tuple[DurationExpression, int]
"""A duration and the depth of its tree."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """`[range]`, or `[range:step]` if `is_subquery`, where step None is the default resolution.

    `start` and `end` are offsets into the text, `depth` that of the deeper duration.
    """

    range: Duration
    start: int
    end: int
    depth: int
    is_subquery: bool = False
    step: Duration | None = None


def parse_number(stream: TokenStream) -> NumberLiteral:
    """The number or duration that is the next token."""
    token = stream.take()
    is_duration = token.kind == DURATION
    try:
        value = duration_seconds(token.text) if is_duration else number_value(token.text)
    except ValueError as error:
        raise stream.error_at(token, str(error)) from None
    return NumberLiteral(value, is_duration, span=Span(token.start, stream.end))


def with_sign(sign: Token, number: NumberLiteral) -> NumberLiteral:
    value = -number.value if sign.kind == "-" else number.value
    return NumberLiteral(value, number.is_duration, span=Span(sign.start, number.span.end))


def parse_brackets(stream: TokenStream) -> Brackets:
    """What follows a selector or an expression in brackets; the next token is `[`."""
    start = stream.take().start
    window, depth = _positive(stream, _DurationParser(stream, _RANGE).parse())
    if stream.kind == "]":
        stream.take()
        return Brackets(window, start, stream.end, depth)
    stream.expect(":", *_AFTER_RANGE)
    if stream.kind == "]":
        stream.take()
        return Brackets(window, start, stream.end, depth, is_subquery=True)
    step, step_depth = _positive(stream, _DurationParser(stream, _STEP).parse())
    stream.expect("]", *_AFTER_STEP)
    return Brackets(window, start, stream.end, max(depth, step_depth), is_subquery=True, step=step)


def parse_offset(stream: TokenStream) -> tuple[Duration, int]:
    """What follows `offset`, and the depth of its tree.

    Without parentheses only one literal or call, with or without a sign, belongs to the offset: `x offset 5m + 1`
    adds 1 to x. Behind an opening parenthesis everything that a duration may hold does: in `x offset (5m) + 1`
    the offset is (5m)+1. Both as upstream's grammar has it.
    """
    parser = _DurationParser(stream, _OFFSET)
    if stream.kind == "(":
        expression = parser.parse()
        stream.check_token()
        return _milliseconds(expression)
    if stream.kind not in SIGN_KINDS:
        return _milliseconds(parser.operand())
    sign = stream.take()
    if stream.kind in SIGN_KINDS:
        expression = parser.parse(sign)
        stream.check_token()
        return _milliseconds(expression)
    if stream.kind in NUMBER_KINDS:
        return _milliseconds((_signed(stream, sign, parse_number(stream)), 1))
    operand, depth = parser.operand()
    return _milliseconds((_signed(stream, sign, operand), depth + 1))


def _milliseconds(operand: _Operand) -> tuple[Duration, int]:
    """A literal as milliseconds, cut off behind whole ones as upstream does; anything else as it is."""
    duration, depth = operand
    if not isinstance(duration, NumberLiteral):
        return operand
    nanoseconds = round_half_away(duration.value * _NS_PER_SECOND)
    return int(nanoseconds / _NS_PER_MS), depth


def _positive(stream: TokenStream, operand: _Operand) -> tuple[Duration, int]:
    duration, _ = operand
    stream.check_token()
    if isinstance(duration, NumberLiteral) and duration.value <= 0:
        raise stream.error("duration must be greater than 0", duration.span.start, duration.span.end)
    return _milliseconds(operand)


def _signed(stream: TokenStream, sign: Token, operand: DurationExpression) -> DurationExpression:
    if isinstance(operand, NumberLiteral):
        number = with_sign(sign, operand)
        _check_literal(stream, number.value, sign.start, sign.start + 1)
        return number
    if sign.kind == "+":
        return operand
    return DurationUnary("-", operand, span=Span(sign.start, operand.span.end))


def _check_literal(stream: TokenStream, seconds: float, start: int, end: int) -> None:
    if abs(seconds) > _LITERAL_SECONDS_MAX:
        raise stream.error("duration out of range", start, end)


@dataclass(frozen=True, slots=True)
class _Pending:
    """An operator that waits for its right operand."""

    sign: Token
    precedence: int
    is_prefix: bool = False


class _DurationParser:
    """Parses durations in one context, which is what errors name."""

    __slots__ = ("_context", "_stream")

    def __init__(self, stream: TokenStream, context: Context) -> None:
        self._stream = stream
        self._context = context

    def parse(self, sign: Token | None = None) -> _Operand:
        """A whole duration expression; `sign` is a sign that has been taken already and stands before it."""
        stream = self._stream
        operands: list[_Operand] = []
        pending: list[_Pending] = [_Pending(sign, UNARY, is_prefix=True)] if sign else []
        while True:
            while stream.kind in SIGN_KINDS:
                self._push(pending, _Pending(stream.take(), UNARY, is_prefix=True))
            operands.append(self.operand())
            precedence = DURATION_PRECEDENCES.get(stream.kind)
            self._reduce(operands, pending, LOWEST if precedence is None else precedence)
            if precedence is None:
                return operands[0]
            self._push(pending, _Pending(stream.take(), precedence))

    def _push(self, pending: list[_Pending], operator: _Pending) -> None:
        pending.append(operator)
        self._stream.check_depth(len(pending), operator.sign.start)

    def _reduce(self, operands: list[_Operand], pending: list[_Pending], precedence: int) -> None:
        while pending and binds_first(pending[-1].precedence, precedence):
            self._stream.check_token()
            operator = pending.pop()
            right = operands.pop()
            if operator.is_prefix:
                operands.append((_signed(self._stream, operator.sign, right[0]), right[1] + 1))
            else:
                operands.append(self._binary(operator.sign, operands.pop(), right))
            self._stream.check_depth(operands[-1][1], operator.sign.start)

    def _binary(self, sign: Token, left: _Operand, right: _Operand) -> _Operand:
        self._check_enabled(left[0])
        divisor = right[0]
        if sign.kind in ("/", "%") and isinstance(divisor, NumberLiteral) and divisor.value == 0:
            raise self._stream.error_at(sign, "division by zero" if sign.kind == "/" else "modulo by zero")
        span = Span(left[0].span.start, right[0].span.end)
        return DurationBinary(sign.kind, left[0], right[0], span=span), max(left[1], right[1]) + 1

    def operand(self) -> _Operand:
        stream = self._stream
        if stream.kind in NUMBER_KINDS:
            number = parse_number(stream)
            _check_literal(stream, number.value, number.span.start, number.span.end)
            return number, 1
        if stream.kind in DURATION_KEYWORDS:
            return self._call()
        if stream.kind == "(":
            return self._parenthesized()
        raise stream.unexpected(*self._context)

    def _parenthesized(self) -> _Operand:
        self._stream.enter()
        start = self._stream.take().start
        inner, depth = self.parse()
        self._stream.expect(")", *self._context)
        self._stream.leave()
        self._check_enabled(inner)
        if isinstance(inner, NumberLiteral):
            span = Span(start, self._stream.end)
            return DurationUnary("+", inner, is_wrapped=True, span=span), depth + 1
        return replace(inner, is_wrapped=True), depth

    def _call(self) -> _Operand:
        stream = self._stream
        stream.enter()
        name = stream.take()
        stream.expect("(", *self._context)
        arguments: tuple[_Operand, ...] = ()
        if name.kind not in _CALLS_WITHOUT_ARGUMENTS:
            first = self.parse()
            stream.expect(",", *self._context)
            arguments = (first, self.parse())
        stream.expect(")", *self._context)
        stream.leave()
        durations = tuple(duration for duration, _ in arguments)
        call = DurationCall(name.kind, durations, span=Span(name.start, stream.end))
        self._check_enabled(call)
        return call, 1 + max((depth for _, depth in arguments), default=0)

    def _check_enabled(self, duration: DurationExpression) -> None:
        if not self._stream.features.promql_duration_expr:
            span = duration.span
            raise self._stream.error("experimental duration expression is not enabled", span.start, span.end)
