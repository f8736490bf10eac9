"""What may follow an expression: brackets, `offset`, `@`, `anchored`, `smoothed`, in any order."""

from __future__ import annotations

import math
from dataclasses import replace

from monitor.errors import ParseError, Span
from monitor.promql.functions.go_format import format_plain
from monitor.promql.syntax.nodes import (
    AtPreset,
    Duration,
    Expression,
    MatrixSelector,
    RangeModifier,
    Subquery,
    VectorSelector,
)
from monitor.promql.syntax.number_literals import round_half_away
from monitor.promql.syntax.parse_durations import (
    NUMBER_KINDS,
    SIGN_KINDS,
    parse_brackets,
    parse_number,
    parse_offset,
    with_sign,
)
from monitor.promql.syntax.token_stream import TokenStream

_AT = ("@", "timestamp")
_SELECTORS = "an instant vector selector or range vector selector or a subquery"
_SECONDS_BOUND = 2.0**63
TIMESTAMP_MS_MAX = 2**62
"""Far beyond every sample. Upstream lets times of more than 64 bits overflow; adding offsets to this one does not."""
_PRESETS = {"start": AtPreset.START, "end": AtPreset.END}
MODIFIER_KINDS = frozenset({"[", "offset", "@", "anchored", "smoothed"})


def parse_modifier(stream: TokenStream, expression: Expression, depth: int) -> tuple[Expression, int]:
    """`expression`, a tree of `depth`, under the modifier that comes next, and its depth then."""
    if stream.kind == "[":
        return _parse_brackets(stream, expression, depth)
    modifier = stream.take()
    if modifier.kind == "offset":
        return _parse_offset(stream, expression, depth)
    if modifier.kind == "@":
        return _parse_at(stream, expression), depth
    return _set_range_modifier(stream, expression, RangeModifier(modifier.kind)), depth


def _parse_brackets(stream: TokenStream, expression: Expression, depth: int) -> tuple[Expression, int]:
    brackets = parse_brackets(stream)
    span = Span(expression.span.start, brackets.end)
    depth = max(depth, brackets.depth) + 1
    if brackets.is_subquery:
        return Subquery(expression, brackets.range, brackets.step, span=span), depth
    if not isinstance(expression, VectorSelector):
        problem = "ranges only allowed for vector selectors"
    elif isinstance(expression.offset, int) and expression.offset:
        problem = "no offset modifiers allowed before range"
    elif isinstance(expression.at, int):
        problem = "no @ modifiers allowed before range"
    else:
        return MatrixSelector(expression, brackets.range, span=span), depth
    raise stream.error(problem, brackets.start, brackets.end)


def _parse_offset(stream: TokenStream, expression: Expression, depth: int) -> tuple[Expression, int]:
    offset, offset_depth = parse_offset(stream)
    target = _target(stream, expression, f"offset modifier must be preceded by {_SELECTORS}")
    if target.offset != 0:
        raise _error_about(stream, expression, "offset may not be set multiple times")
    return _with_time(stream, expression, offset=offset), max(depth, offset_depth + 1)


def _parse_at(stream: TokenStream, expression: Expression) -> Expression:
    at = _parse_preset(stream) if stream.kind in _PRESETS else _parse_timestamp(stream, expression)
    target = _target(stream, expression, f"@ modifier must be preceded by {_SELECTORS}")
    if target.at is not None:
        raise _error_about(stream, expression, "@ <timestamp> may not be set multiple times")
    return _with_time(stream, expression, at=at)


def _parse_preset(stream: TokenStream) -> AtPreset:
    preset = _PRESETS[stream.take().kind]
    stream.expect("(", *_AT)
    stream.expect(")", *_AT)
    return preset


def _parse_timestamp(stream: TokenStream, expression: Expression) -> int:
    """Milliseconds since 1970, at most TIMESTAMP_MS_MAX either way."""
    sign = stream.take() if stream.kind in SIGN_KINDS else None
    if stream.kind not in NUMBER_KINDS:
        raise stream.unexpected(*_AT)
    number = parse_number(stream)
    seconds = (with_sign(sign, number) if sign else number).value
    if not abs(seconds) < _SECONDS_BOUND:
        shown = f"{seconds:f}" if math.isfinite(seconds) else format_plain(seconds)
        raise _error_about(stream, expression, f"timestamp out of bounds for @ modifier: {shown}")
    return max(-TIMESTAMP_MS_MAX, min(round_half_away(seconds * 1000), TIMESTAMP_MS_MAX))


def _target(stream: TokenStream, expression: Expression, problem: str) -> VectorSelector | Subquery:
    """The node that holds the offset and the timestamp of `expression`."""
    if isinstance(expression, MatrixSelector):
        return expression.selector
    if isinstance(expression, VectorSelector | Subquery):
        return expression
    raise _error_about(stream, expression, problem)


def _with_time(
    stream: TokenStream,
    expression: Expression,
    *,
    offset: Duration | None = None,
    at: int | AtPreset | None = None,
) -> Expression:
    """`expression` with the offset or timestamp that is given, reaching to the last token taken."""
    span = Span(expression.span.start, stream.end)
    if isinstance(expression, MatrixSelector):
        inner = expression.selector
        selector = replace(inner, offset=inner.offset if offset is None else offset, at=inner.at if at is None else at)
        return replace(expression, selector=selector, span=span)
    assert isinstance(expression, VectorSelector | Subquery), f"BUG: got {type(expression)}, want a selector"
    return replace(
        expression,
        offset=expression.offset if offset is None else offset,
        at=expression.at if at is None else at,
        span=span,
    )


def _set_range_modifier(stream: TokenStream, expression: Expression, modifier: RangeModifier) -> Expression:
    name = modifier.value
    if not stream.features.promql_extended_range_selectors:
        raise _error_about(stream, expression, f"{name} modifier is experimental and not enabled")
    if isinstance(expression, Subquery):
        raise _error_about(stream, expression, f"{name} modifier is not supported for subqueries")
    if not isinstance(expression, VectorSelector | MatrixSelector):
        raise _error_about(stream, expression, f"{name} modifier not implemented")
    selector = expression.selector if isinstance(expression, MatrixSelector) else expression
    if selector.modifier not in (None, modifier):
        raise _error_about(stream, expression, "anchored and smoothed modifiers cannot be used together")
    span = Span(expression.span.start, stream.end)
    if isinstance(expression, MatrixSelector):
        return replace(expression, selector=replace(selector, modifier=modifier), span=span)
    return replace(expression, modifier=modifier, span=span)


def _error_about(stream: TokenStream, expression: Expression, message: str) -> ParseError:
    return stream.error(message, expression.span.start, expression.span.end)
