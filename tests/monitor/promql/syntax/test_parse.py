"""Expressions to trees."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from promql_expression_lists import ALL_FEATURES, read_list

from monitor.errors import ParseError, Span
from monitor.model.matchers import Matcher, MatchOp
from monitor.promql.features import Features
from monitor.promql.syntax.nodes import (
    Aggregation,
    AtPreset,
    Binary,
    Call,
    DurationBinary,
    DurationCall,
    DurationUnary,
    MatchCardinality,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    RangeModifier,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
    walk,
)
from monitor.promql.syntax.parse import ParseLimits, parse_expression, parse_series_selector
from monitor.promql.syntax.printing import prettify
from monitor.promql.syntax.tree_json import expression_json

MINUTE_MS = 60_000


def parse(text: str) -> Node:
    return parse_expression(text, ALL_FEATURES)


def selector(name: str, *matchers: Matcher) -> VectorSelector:
    return VectorSelector(name, (*matchers, Matcher("__name__", MatchOp.EQUAL, name)))


UP = selector("up")


def without_parens(node: Node) -> Node:
    changes = {
        spec.name: without_parens(value) for spec in fields(node) if isinstance(value := getattr(node, spec.name), Node)
    }
    return without_parens(node.expression) if isinstance(node, Paren) else replace(node, **changes)


def message_of(text: str, features: Features = ALL_FEATURES) -> str:
    with pytest.raises(ParseError) as caught:
        parse_expression(text, features)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("1", NumberLiteral(1.0)),
        ("-0x1F", NumberLiteral(-31.0)),
        ("NaN", NumberLiteral(math.nan)),
        ("5m", NumberLiteral(300.0, is_duration=True)),
        ("'a\\n'", StringLiteral("a\n")),
        ("up", UP),
        ("{'up.x'}", VectorSelector("", (Matcher("__name__", MatchOp.EQUAL, "up.x"),))),
        ("up[5m]", MatrixSelector(UP, 5 * MINUTE_MS)),
        ("up offset -5m", replace(UP, offset=-5 * MINUTE_MS)),
        ("up @ 1.5", replace(UP, at=1500)),
        ("up @ end()", replace(UP, at=AtPreset.END)),
        ("up @ -0.0005", replace(UP, at=-1)),
        ("up @ -1e18", replace(UP, at=-(2**62))),
        ("up anchored", replace(UP, modifier=RangeModifier.ANCHORED)),
        ("up[1m] offset 1s @ 2", MatrixSelector(replace(UP, offset=1000, at=2000), MINUTE_MS)),
        ("up[1m:] @ 2", Subquery(UP, MINUTE_MS, at=2000)),
        ("up[1m:1s] offset 1s", Subquery(UP, MINUTE_MS, 1000, 1000)),
        ("(up)", Paren(UP)),
        ("-up", Unary("-", UP)),
        ("+up", Unary("+", UP)),
        ("abs(up)", Call("abs", (UP,))),
        ("time()", Call("time", ())),
        ("SUM(up)", Aggregation("sum", UP)),
        ("sum by (a, 'b.c') (up)", Aggregation("sum", UP, grouping=("a", "b.c"))),
        ("topk(3, up) without (a)", Aggregation("topk", UP, NumberLiteral(3.0), ("a",), without=True)),
    ],
)
def test_an_expression_becomes_its_tree(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("up + up", VectorMatching()),
        ("up + on(a) up", VectorMatching(labels=("a",), on=True)),
        ("up + ignoring(a) up", VectorMatching(labels=("a",))),
        ("up * on(a) group_left up", VectorMatching(MatchCardinality.MANY_TO_ONE, ("a",), on=True)),
        ("up * on() group_right(b) up", VectorMatching(MatchCardinality.ONE_TO_MANY, on=True, include=("b",))),
        ("up and up", VectorMatching(MatchCardinality.MANY_TO_MANY)),
        ("up + fill(1) up", VectorMatching(fill_left=1.0, fill_right=1.0)),
        ("up + fill_left(-1) up", VectorMatching(fill_left=-1.0)),
        ("up + fill_right(2) fill_left(1) up", VectorMatching(fill_left=1.0, fill_right=2.0)),
        ("up + 1", None),
        ("1 + on() up", None),
        ("1 + 1", None),
    ],
)
def test_two_vectors_are_matched_and_nothing_else_is(text: str, matching: VectorMatching | None) -> None:
    node = parse(text)

    assert isinstance(node, Binary)
    assert node.matching == matching


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a or b and c == d + e * f ^ g", "a or (b and (c == (d + (e * (f ^ g)))))"),
        ("a ^ b * c + d == e and f or g", "(((((a ^ b) * c) + d) == e) and f) or g"),
        ("a - b - c", "(a - b) - c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("a and b unless c", "(a and b) unless c"),
        ("a atan2 b * c", "(a atan2 b) * c"),
        ("a </ b == c >/ d", "((a </ b) == c) >/ d"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("a ^ -b ^ c * d", "(a ^ (-(b ^ c))) * d"),
        ("-a offset 5m", "-(a offset 5m)"),
        ("a + b @ 1", "a + (b @ 1)"),
        ("a offset 5m ^ b", "(a offset 5m) ^ b"),
        ("a offset -step() * b", "(a offset -step()) * b"),
        ("a offset min_of(1s, 2s) + b", "(a offset min_of(1s, 2s)) + b"),
        ("a offset -(step()) + b", "(a offset -(step())) + b"),
    ],
)
def test_operators_bind_as_upstream_binds_them(text: str, grouped: str) -> None:
    assert parse(text) == without_parens(parse(grouped))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("1.5", 1500),
        ("0.0005", 0),
        ("5m", 5 * MINUTE_MS),
        ("-5m", -5 * MINUTE_MS),
        ("step()", DurationCall("step")),
        ("-RANGE()", DurationUnary("-", DurationCall("range"))),
        ("(5m)", DurationUnary("+", NumberLiteral(300.0, is_duration=True), is_wrapped=True)),
        ("(1+2)", DurationBinary("+", NumberLiteral(1.0), NumberLiteral(2.0), is_wrapped=True)),
        ("min_of(1, step())", DurationCall("min_of", (NumberLiteral(1.0), DurationCall("step")))),
    ],
)
def test_a_duration_stays_an_expression_unless_it_is_a_literal(text: str, duration: object) -> None:
    node = parse(f"up offset {text}")

    assert isinstance(node, VectorSelector)
    assert node.offset == duration


def test_an_offset_in_parentheses_takes_the_operators_behind_it() -> None:
    five_minutes = DurationUnary("+", NumberLiteral(300.0, is_duration=True), is_wrapped=True)

    assert parse("up offset (5m) + 3") == replace(UP, offset=DurationBinary("+", five_minutes, NumberLiteral(3.0)))


@pytest.mark.parametrize(("text", "message"), read_list("refused") + read_list("refused_since_3_14"))
def test_what_upstream_refuses_is_refused_in_its_words_at_its_place(text: str, message: str) -> None:
    assert message_of(text) == message


def test_an_error_names_line_and_column() -> None:
    with pytest.raises(ParseError) as caught:
        parse("up +\n  sum(1)")

    assert (caught.value.line, caught.value.column) == (2, 7)
    assert caught.value.span == Span(11, 12)


def test_the_empty_text_has_no_positions() -> None:
    assert message_of("") == "unknown position: parse error: no expression found in input"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limitk(1, up)", "1:1: parse error: limitk() is experimental and must be enabled with"
         " --enable-feature=promql-experimental-functions"),
        ("mad_over_time(up[5m])", '1:1: parse error: function "mad_over_time" is not enabled'),
        ("start()", '1:1: parse error: function "start" is not enabled'),
        ("up[1m+1m]", "1:4: parse error: experimental duration expression is not enabled"),
        ("up[step()]", "1:4: parse error: experimental duration expression is not enabled"),
        ("up offset (5m)", "1:12: parse error: experimental duration expression is not enabled"),
        ("1 + up anchored", "1:5: parse error: anchored modifier is experimental and not enabled"),
        ("up[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"),
        ("1 + up * fill(1) up", "1:5: parse error: binop fill modifiers are experimental and not enabled"),
    ],
)  # fmt: skip
def test_a_part_that_is_switched_off_is_refused_in_upstreams_words(text: str, message: str) -> None:
    assert message_of(text, Features(promql_duration_expr=False)) == message


def test_an_expression_over_the_limit_of_characters_is_refused() -> None:
    limits = ParseLimits(characters_max=5)

    assert parse_expression("up+up", limits=limits)
    with pytest.raises(ParseError, match=r"expression has 6 characters, at most 5 are allowed \(expression_length\)"):
        parse_expression("up + 1", limits=limits)


@pytest.mark.parametrize(
    ("start", "middle", "end"),
    [
        ("(", "1", ")"),
        ("abs(", "up", ")"),
        ("sum by (a) (", "up", ")"),
        ("up + ", "up", ""),
        ("up ^ ", "up", ""),
        ("-", "up", ""),
        ("max_over_time(", "up", "[5m:])"),
        ("", "up[1", "+1]"),
        ("", "up offset (1", "+1)"),
    ],
)
def test_a_tree_may_be_as_deep_as_the_limit_and_no_deeper(start: str, middle: str, end: str) -> None:
    deepening = start or end[:-1]
    closing = end if start else end[-1]
    limits = ParseLimits(depth_max=20)

    def nested(levels: int) -> str:
        return start * levels + middle + (end * levels if start else deepening * levels + closing)

    assert parse_expression(nested(8), limits=limits)
    with pytest.raises(ParseError, match=r"nested more than 20 levels deep \(expression_depth\)"):
        parse_expression(nested(22), limits=limits)


@pytest.mark.parametrize(
    ("start", "middle", "end", "levels"),
    [
        ("(", "1", ")", 149),
        ("abs(", "up", ")", 149),
        ("sum by (a) (", "up", ")", 149),
        ("up + ", "up", "", 149),
        ("max_over_time(", "up", "[5m:])", 74),
    ],
)
def test_the_default_limit_leaves_room_on_the_stack_for_those_who_walk_the_tree(
    start: str, middle: str, end: str, levels: int
) -> None:
    def use_at(frames: int) -> None:
        if frames:
            use_at(frames - 1)
            return
        node = parse_expression(start * levels + middle + end * levels)
        assert prettify(node)
        assert expression_json(node)
        assert list(walk(node))

    use_at(frames=200)


@pytest.mark.parametrize(
    "text",
    [
        "1+" * 400_000 + "1",
        "2^" * 400_000 + "2",
        "-" * 900_000 + "1",
        "(" * 900_000,
        "abs(" * 200_000,
        "up" + "[5m:]" * 190_000,
        "up[" + "(" * 900_000,
        "up[" + "1+" * 400_000 + "1]",
        "up[" + "min_of(" * 100_000,
    ],
)
def test_a_hostile_expression_is_refused_before_it_is_read_to_its_end(text: str) -> None:
    assert "levels deep" in message_of(text)


def test_a_series_selector_gives_its_matchers() -> None:
    assert parse_series_selector('up{a="b"}') == (
        Matcher("a", MatchOp.EQUAL, "b"),
        Matcher("__name__", MatchOp.EQUAL, "up"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown position: parse error: unexpected end of input"),
        ("up[5m]", '1:3: parse error: unexpected "["'),
        ("up offset 5m", "1:4: parse error: unexpected <offset>"),
        ("sum(up)", '1:4: parse error: unexpected "("'),
        ("1", '1:1: parse error: unexpected number "1"'),
        ("up{a=~'['}", "1:4: parse error: error parsing regexp: missing closing ]: `[`"),
    ],
)
def test_a_series_selector_is_nothing_but_an_instant_selector(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_series_selector(text)

    assert str(caught.value) == message


def test_every_node_knows_the_text_it_came_from() -> None:
    text = "sum by (a) (rate(up[5m] offset 1m)) + -3 * (up{a='b'} @ 1)"

    parts = [text[part.span.start : part.span.end] for part in walk(parse(text))]

    assert parts == [
        text,
        "sum by (a) (rate(up[5m] offset 1m))",
        "rate(up[5m] offset 1m)",
        "up[5m] offset 1m",
        "up",
        "-3 * (up{a='b'} @ 1)",
        "-3",
        "(up{a='b'} @ 1)",
        "up{a='b'} @ 1",
    ]
