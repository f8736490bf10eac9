"""String literals and their escape sequences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.string_literals import scan_string, unquote

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"))


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r'"a"', "a"),
        (r"'it\'s'", "it's"),
        (r"`\n`", r"\n"),
        (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
        (r'"\x41\101\u00e9\U0001F600"', "AA\u00e9\U0001f600"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
    ],
)
def test_a_literal_stands_for_its_text(literal: str, text: str) -> None:
    assert scan_string(literal, 0).end == len(literal)
    assert unquote(literal) == text


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        ('"a', "unterminated quoted string"),
        ('"a\n"', "unterminated quoted string"),
        ("`a", "unterminated raw string"),
        ('"\\', "escape sequence not terminated"),
        ('"\\x4', "escape sequence not terminated"),
        (r'"\q"', "unknown escape sequence U+0071 'q'"),
        (r'"\'"', "unknown escape sequence U+0027 '''"),
        (r'"\x4g"', "illegal character U+0067 'g' in escape sequence"),
        (r'"\400"', "escape sequence is an invalid Unicode code point"),
        (r'"\ud800"', "escape sequence is an invalid Unicode code point"),
        (r'"\U00110000"', "escape sequence is an invalid Unicode code point"),
        ('"\ufffd"', "invalid UTF-8 rune"),
        ("`\udcff`", "invalid UTF-8 rune"),
    ],
)
def test_the_first_problem_of_a_literal_is_named_in_upstreams_words(literal: str, problem: str) -> None:
    assert scan_string(literal, 0).problem == problem


@given(TEXTS)
def test_a_quoted_text_comes_back(text: str) -> None:
    literal = quote_text(text)

    assert scan_string(literal, 0).end == len(literal)
    assert unquote(literal) == text


@given(st.binary())
def test_bytes_that_are_no_utf8_survive_quoting(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape").replace("\ufffd", "")

    assert unquote(quote_text(text)) == text
