"""Selectors: a metric name, matchers in braces, or both."""

from __future__ import annotations

import re

from monitor.errors import Span
from monitor.model.labels import METRIC_NAME
from monitor.model.matchers import Matcher, MatchOp
from monitor.promql.syntax.go_text import with_replacement
from monitor.promql.syntax.lexer import IDENTIFIER, METRIC_NAME_KINDS, STRING, Token
from monitor.promql.syntax.nodes import VectorSelector
from monitor.promql.syntax.string_literals import unquote
from monitor.promql.syntax.token_stream import TokenStream

_OPERATORS = {op.value: op for op in MatchOp}
_CONTEXT = "label matching"
_TOO_LARGE = "expression too large"
_GO_REASONS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
    "pattern too large - compile failed": _TOO_LARGE,
}
# RE2 in C++ knows \C, any byte; Go does not. Between \Q and \E a backslash is no escape.
_QUOTED_OR_ESCAPE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(.)", re.DOTALL)
_RE2_MESSAGE = re.compile(r"error parsing regexp: ([^:]*)(?:: (.*))?", re.DOTALL)


def parse_selector(stream: TokenStream) -> VectorSelector:
    """The selector that begins at the next token."""
    if stream.kind == "{":
        start = stream.token.start
        matchers = _parse_matchers(stream)
        return VectorSelector("", tuple(matchers), span=Span(start, stream.end))
    if stream.kind in METRIC_NAME_KINDS:
        return parse_named_selector(stream, stream.take())
    raise stream.unexpected()


def parse_named_selector(stream: TokenStream, name: Token) -> VectorSelector:
    """The selector whose metric name has been taken. The matcher for the name comes last, as upstream puts it."""
    matchers = _parse_matchers(stream) if stream.kind == "{" else []
    matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, name.text))
    return VectorSelector(name.text, tuple(matchers), span=Span(name.start, stream.end))


def _parse_matchers(stream: TokenStream) -> list[Matcher]:
    stream.take()
    matchers: list[Matcher] = []
    while stream.kind != "}":
        matchers.append(_parse_matcher(stream))
        if stream.kind == ",":
            stream.take()
        elif stream.kind != "}":
            raise stream.unexpected(_CONTEXT, '"," or "}"')
    stream.take()
    return matchers


def _parse_matcher(stream: TokenStream) -> Matcher:
    if stream.kind not in (IDENTIFIER, STRING):
        raise stream.unexpected(_CONTEXT, 'identifier or "}"')
    label = stream.take()
    is_quoted = label.kind == STRING
    name = unquote(label.text) if is_quoted else label.text
    op = _OPERATORS.get(stream.kind)
    if op is None and is_quoted:
        return Matcher(METRIC_NAME, MatchOp.EQUAL, name)
    if op is None:
        raise stream.unexpected(_CONTEXT, "label matching operator")
    stream.take()
    value = unquote(stream.expect(STRING, _CONTEXT, "string").text)
    try:
        matcher = Matcher(name, op, value)
        _check_escapes(matcher)
    except ValueError as error:
        raise stream.error(_regex_problem(value, error), label.start, stream.end) from None
    return matcher


def _check_escapes(matcher: Matcher) -> None:
    is_regex = matcher.op in (MatchOp.REGEX, MatchOp.NOT_REGEX)
    if is_regex and any(match[1] == "C" for match in _QUOTED_OR_ESCAPE.finditer(matcher.value)):
        raise ValueError(r"error parsing regexp: invalid escape sequence: \C")


def _regex_problem(pattern: str, error: ValueError) -> str:
    """RE2's complaint in the words of Go's regexp package."""
    match = _RE2_MESSAGE.fullmatch(str(error))
    if isinstance(error, UnicodeEncodeError) or match is None:
        first = error.start if isinstance(error, UnicodeEncodeError) else 0
        return f"error parsing regexp: invalid UTF-8: `{with_replacement(pattern[first:])}`"
    reason = _GO_REASONS.get(match[1], match[1])
    part = pattern if reason == _TOO_LARGE else match[2] or ""
    return f"error parsing regexp: {reason}: `{part}`"
