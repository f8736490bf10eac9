"""Trees back to PromQL: on one line as upstream's `Node.String()`, and laid out as its `Pretty()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from monitor.model.durations import format_duration
from monitor.model.labels import METRIC_NAME, is_legacy_label_name
from monitor.model.matchers import Matcher, MatchOp
from monitor.promql.functions.go_format import format_general, format_plain
from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.nodes import (
    Aggregation,
    AtPreset,
    Binary,
    Call,
    Duration,
    DurationCall,
    DurationExpression,
    DurationUnary,
    Expression,
    MatchCardinality,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)

LINE_BYTES_MAX = 100
"""`prettify` splits what is longer than this on one line, as upstream does."""
_INDENT = "  "
_GROUP_WORDS = {MatchCardinality.MANY_TO_ONE: "group_left", MatchCardinality.ONE_TO_MANY: "group_right"}
_NS_PER_SECOND = 1e9
_NS_PER_MS = 1_000_000


def format_expression(node: Expression) -> str:
    """`node` on one line. Parsing it again gives an equal tree with the matchers sorted by their texts.

    Two exceptions, both upstream's: what is finer than a millisecond is lost, and an offset in parentheses that comes
    to stand before an operator takes that operator (see parse_offset): `x offset (5m) @ 1 + 1`.
    """
    return _Printer().text(node)


def prettify(node: Expression) -> str:
    """`node` over several lines where one would have more than LINE_BYTES_MAX bytes."""
    return _Layout().pretty(node, 0)


@dataclass(slots=True)
class _Printer:
    """Prints nodes on one line. What was printed is kept, so that laying out a deep tree stays linear."""

    printed: dict[int, str] = field(default_factory=dict)

    def text(self, node: Expression) -> str:
        known = self.printed.get(id(node))
        if known is None:
            known = self.printed[id(node)] = _PRINTERS[type(node)](self, node)
        return known

    def string(self, node: StringLiteral) -> str:
        return quote_text(node.value)

    def paren(self, node: Paren) -> str:
        return f"({self.text(node.expression)})"

    def unary(self, node: Unary) -> str:
        return f"{node.operator}{self.text(node.operand)}"

    def binary(self, node: Binary) -> str:
        return f"{self.text(node.left)} {_operator(node)} {self.text(node.right)}"

    def call(self, node: Call) -> str:
        return f"{node.function}({', '.join(map(self.text, node.arguments))})"

    def aggregation(self, node: Aggregation) -> str:
        parameter = f"{self.text(node.parameter)}, " if node.parameter is not None else ""
        return f"{_aggregation_head(node)}({parameter}{self.text(node.expression)})"

    def vector_selector(self, node: VectorSelector) -> str:
        shown = [_matcher(matcher) for matcher in node.matchers if not _is_name_matcher(node, matcher)]
        braces = f"{{{','.join(sorted(shown, key=str.encode))}}}" if shown else ""
        modifier = f" {node.modifier.value}" if node.modifier else ""
        return f"{node.name}{braces}{_at(node.at)}{modifier}{_offset(node.offset)}"

    def matrix_selector(self, node: MatrixSelector) -> str:
        selector = node.selector
        plain = self.vector_selector(replace(selector, offset=0, at=None, modifier=None))
        modifier = f" {selector.modifier.value}" if selector.modifier else ""
        return f"{plain}[{_duration(node.range)}]{modifier}{_at(selector.at)}{_offset(selector.offset)}"

    def subquery(self, node: Subquery) -> str:
        return f"{self.text(node.expression)}{_subquery_suffix(node)}"


def _number(node: NumberLiteral) -> str:
    if not node.is_duration:
        return format_plain(node.value)
    duration_ms = int(abs(node.value) * _NS_PER_SECOND) // _NS_PER_MS
    return ("-" if node.value < 0 else "") + format_duration(duration_ms)


def _matcher(matcher: Matcher) -> str:
    name = matcher.name if is_legacy_label_name(matcher.name) else quote_text(matcher.name)
    return f"{name}{matcher.op.value}{quote_text(matcher.value)}"


def _is_name_matcher(node: VectorSelector, matcher: Matcher) -> bool:
    is_name = matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL
    return is_name and matcher.value == node.name and matcher.value != ""


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(name if is_legacy_label_name(name) else quote_text(name) for name in names)


def _aggregation_head(node: Aggregation) -> str:
    if node.without:
        return f"{node.operator} without ({_labels(node.grouping)}) "
    return f"{node.operator} by ({_labels(node.grouping)}) " if node.grouping else node.operator


def _operator(node: Binary) -> str:
    """The operator with the modifiers behind it."""
    matching = _matching(node.matching) if node.matching else ""
    return f"{node.operator}{' bool' if node.return_bool else ''}{matching}"


def _matching(matching: VectorMatching) -> str:
    group = _GROUP_WORDS.get(matching.cardinality)
    text = ""
    if matching.labels or matching.on or group:
        text += f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if group:
        text += f" {group} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and right is not None and format_general(left) == format_general(right):
        return f"{text} fill ({format_general(left)})"
    text += f" fill_left ({format_general(left)})" if left is not None else ""
    text += f" fill_right ({format_general(right)})" if right is not None else ""
    return text


def _at(at: int | AtPreset | None) -> str:
    if at is None:
        return ""
    return f" @ {at.value}()" if isinstance(at, AtPreset) else f" @ {at / 1000:.3f}"


def _offset(offset: Duration) -> str:
    return f" offset {_duration(offset)}" if offset != 0 else ""


def _duration(duration: Duration) -> str:
    return format_duration(duration) if isinstance(duration, int) else _duration_expression(duration)


def _duration_expression(node: DurationExpression) -> str:
    if isinstance(node, NumberLiteral):
        return _number(node)
    if isinstance(node, DurationCall):
        text = f"{node.function}({', '.join(map(_duration_expression, node.arguments))})"
    elif isinstance(node, DurationUnary):
        text = f"{'-' if node.operator == '-' else ''}{_duration_expression(node.operand)}"
    else:
        text = f"{_duration_expression(node.left)} {node.operator} {_duration_expression(node.right)}"
    return f"({text})" if node.is_wrapped else text


def _subquery_suffix(node: Subquery) -> str:
    step = _duration(node.step) if node.step is not None else ""
    return f"[{_duration(node.range)}:{step}]{_at(node.at)}{_offset(node.offset)}"


_PRINTERS: dict[type[Node], Callable[..., str]] = {
    NumberLiteral: lambda _, node: _number(node),
    StringLiteral: _Printer.string,
    VectorSelector: _Printer.vector_selector,
    MatrixSelector: _Printer.matrix_selector,
    Subquery: _Printer.subquery,
    Call: _Printer.call,
    Aggregation: _Printer.aggregation,
    Binary: _Printer.binary,
    Unary: _Printer.unary,
    Paren: _Printer.paren,
}


@dataclass(slots=True)
class _Layout:
    """Lays nodes out. A node at level n > 0 begins on a line of its own and indents itself by n steps."""

    printer: _Printer = field(default_factory=_Printer)

    def pretty(self, node: Expression, level: int) -> str:
        indent = _INDENT * level
        if isinstance(node, Unary):
            return f"{indent}{node.operator}{self.pretty(node.operand, level).strip()}"
        line = self.printer.text(node)
        is_long = len(line.encode(errors="surrogatepass")) > LINE_BYTES_MAX
        if isinstance(node, Subquery):
            # Upstream does not indent a short subquery; the texts are compared.
            return f"{self.pretty(node.expression, level)}{_subquery_suffix(node)}" if is_long else line
        if not is_long:
            return f"{indent}{line}"
        return self._split(node, level) or f"{indent}{line}"

    def _split(self, node: Expression, level: int) -> str:
        """`node` over several lines; empty for nodes that are never split."""
        indent = _INDENT * level
        if isinstance(node, Binary):
            left, right = self.pretty(node.left, level + 1), self.pretty(node.right, level + 1)
            return f"{left}\n{indent}{_operator(node)}\n{right}"
        if isinstance(node, Paren):
            return f"{indent}(\n{self.pretty(node.expression, level + 1)}\n{indent})"
        if isinstance(node, Call):
            return f"{indent}{node.function}(\n{self._arguments(node.arguments, level)}\n{indent})"
        if isinstance(node, Aggregation):
            arguments = (node.expression,) if node.parameter is None else (node.parameter, node.expression)
            return f"{indent}{_aggregation_head(node)}(\n{self._arguments(arguments, level)}\n{indent})"
        return ""

    def _arguments(self, arguments: tuple[Expression, ...], level: int) -> str:
        return ",\n".join(self.pretty(argument, level + 1) for argument in arguments)
