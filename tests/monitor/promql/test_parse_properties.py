"""What must hold for any text and any expression."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from promql_expression_lists import ALL_FEATURES, sorted_matchers
from promql_strategies import SOUPS, vectors

from monitor.errors import ParseError
from monitor.promql.syntax.nodes import Expression, MatrixSelector, Node, children
from monitor.promql.syntax.parse import parse_expression, parse_series_selector
from monitor.promql.syntax.printing import format_expression, prettify


def parse(text: str) -> Expression:
    return parse_expression(text, ALL_FEATURES)


def parts(node: Node) -> Iterator[Expression]:
    """`node` and the expressions below it; the selector of a range cannot stand alone and is left out."""
    if isinstance(node, Expression):
        yield node
        if not isinstance(node, MatrixSelector):
            for child in children(node):
                yield from parts(child)


@given(vectors())
def test_printing_and_parsing_again_gives_the_same_tree(text: str) -> None:
    node = parse(text)
    printed = format_expression(node)
    # Upstream prints infinity with its sign, and a sign binds less tightly than a power: `+(Inf ^ 2)` comes back.
    assume("+Inf ^" not in printed)

    assert sorted_matchers(parse(printed)) == sorted_matchers(node)


@given(vectors())
def test_laying_out_and_parsing_again_gives_the_same_tree(text: str) -> None:
    node = parse(text)

    assert sorted_matchers(parse(prettify(node))) == sorted_matchers(node)


@given(vectors())
def test_the_text_at_the_span_of_a_node_parses_to_that_node(text: str) -> None:
    for part in parts(parse(text)):
        assert parse(text[part.span.start : part.span.end]) == part


@given(st.one_of(SOUPS, st.text(), st.binary().map(lambda raw: raw.decode(errors="surrogateescape"))))
@settings(max_examples=500)
def test_any_text_is_parsed_or_refused_with_a_parse_error(text: str) -> None:
    for parser in (parse_expression, parse_series_selector):
        try:
            parser(text, ALL_FEATURES)
        except ParseError as error:
            assert 0 <= error.span.start <= error.span.end <= len(text)


@given(vectors(), st.data())
def test_a_piece_of_an_expression_is_parsed_or_refused_with_a_parse_error(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    try:
        parse(text[start:end])
    except ParseError as error:
        assert error.message
