"""What expressions evaluate to. What does not fit is refused by the lists that test_parse reads."""

from __future__ import annotations

import pytest
from promql_expression_lists import ALL_FEATURES

from monitor.errors import ParseError, Span
from monitor.promql.syntax.nodes import MatrixSelector, NumberLiteral, StringLiteral, Unary, ValueType
from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.type_check import check_types, value_type


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", ValueType.SCALAR),
        ("'a'", ValueType.STRING),
        ("up", ValueType.VECTOR),
        ("up[5m]", ValueType.MATRIX),
        ("up[5m:]", ValueType.MATRIX),
        ("(-(1 + 2))", ValueType.SCALAR),
        ("1 + 2 ^ time()", ValueType.SCALAR),
        ("1 + up", ValueType.VECTOR),
        ("up > bool 1", ValueType.VECTOR),
        ("-up", ValueType.VECTOR),
        ("sum(up)", ValueType.VECTOR),
        ("rate(up[5m])", ValueType.VECTOR),
        ("scalar(up)", ValueType.SCALAR),
        ("(('a'))", ValueType.STRING),
        ("min_of(1, 2)", ValueType.SCALAR),
    ],
)
def test_an_expression_has_a_type(text: str, wanted: ValueType) -> None:
    assert value_type(parse_expression(text, ALL_FEATURES)) is wanted


def test_a_tree_that_was_not_parsed_can_be_checked() -> None:
    node = Unary("-", StringLiteral("a", span=Span(1, 4)), span=Span(0, 4))

    with pytest.raises(ParseError, match=r'1:1: parse error: unary expression only allowed .* got "string"'):
        check_types(node, "-'a'")


def test_a_fitting_tree_passes() -> None:
    check_types(Unary("-", NumberLiteral(1.0)), "-1")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("up  + bool  up", Span(4, 12)),
        ("1\n==\n2", Span(2, 5)),
        ("sum(up) and bool up", Span(8, 17)),
    ],
)
def test_an_error_about_an_operator_points_at_it(text: str, span: Span) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression(text)

    assert caught.value.span == span


def test_the_labels_of_info_may_match_everything_but_only_there() -> None:
    node = parse_expression("info(up, {a=~'.*'})", ALL_FEATURES)

    assert value_type(node) is ValueType.VECTOR
    with pytest.raises(ParseError, match="at least one non-empty matcher"):
        parse_expression("info({a=~'.*'}, {a=~'.*'})", ALL_FEATURES)


def test_a_selector_of_a_range_is_checked_too() -> None:
    node = parse_expression("up[5m]")

    assert isinstance(node, MatrixSelector)
    with pytest.raises(ParseError, match="metric name must not be set twice"):
        parse_expression("rate(up{__name__='down'}[5m])")
