"""Text to tokens."""

from __future__ import annotations

import pytest

from monitor.promql.syntax.lexer import END, ERROR, Lexer, Token


def tokens(text: str) -> list[Token]:
    lexer, found = Lexer(text), []
    while True:
        found.append(lexer.next_token())
        if found[-1].kind in (END, ERROR):
            return found


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [END]),
        (" \t\r\n# comment", [END]),
        ("up", ["identifier", END]),
        ("job:up", ["metric identifier", END]),
        ("Sum BY (a)", ["sum", "by", "(", "identifier", ")", END]),
        ("a</b>/c<=d", ["identifier", "</", "identifier", ">/", "identifier", "<=", "identifier", END]),
        ("a == b", ["identifier", "==", "identifier", END]),
        ("1 5m .5 Inf nan", ["number", "duration", "number", "number", "number", END]),
        ("\"a\" 'b' `c`", ["string", "string", "string", END]),
        ("# one\n1 # two", ["number", END]),
    ],
)
def test_text_becomes_tokens(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_inside_braces_there_are_no_keywords() -> None:
    assert kinds("{sum=~'a',by!~'b'}")[1:8] == ["identifier", "=~", "string", ",", "identifier", "!~", "string"]


def test_inside_brackets_there_are_no_names_but_those_of_durations() -> None:
    assert kinds("[Step()+5m:range()]") == ["[", "step", "(", ")", "+", "duration", ":", "range", "(", ")", "]", END]


def test_fill_is_a_keyword_only_before_a_parenthesis() -> None:
    assert kinds("fill fill (1)") == ["identifier", "fill", "(", "number", ")", END]


def test_a_token_knows_where_it_stands() -> None:
    assert [token.start for token in tokens("a  + # x\n b")] == [0, 3, 10, 11]


@pytest.mark.parametrize(
    ("text", "message", "start"),
    [
        ("a ~", "unexpected character: '~'", 2),
        ("a =~ b", "unexpected character after '=': '~'", 2),
        ("a ! b", "unexpected character after '!': ' '", 2),
        ("a !", "unexpected character after '!': '\ufffd'", 2),
        ("'", "unterminated quoted string", 0),
        ("(a", "unclosed left parenthesis", 2),
        ("a)", "unexpected right parenthesis ')'", 2),
        ("a]", "unexpected right bracket ']'", 1),
        ("{a", "unexpected end of input inside braces", 2),
        ("{{", "unexpected left brace '{'", 1),
        ("{5", "unexpected character inside braces: '5'", 1),
        ("{a!b", "unexpected character after '!' inside braces: 'b'", 2),
        ("[", "unexpected end of input in duration expression", 1),
        ("[5m", "unclosed left bracket", 3),
        ("[5m[", "unexpected left bracket '['", 3),
        ("[:", "unexpected colon before duration in duration expression", 2),
        ("[5m:1m:", "unexpected colon ':'", 6),
        ("[x", "unexpected character in duration expression: 'x'", 1),
        ("[5m x", "unexpected character: 'x', expected ':'", 4),
        ("1x", 'bad number or duration syntax: "1"', 0),
    ],
)
def test_malformed_text_ends_in_an_error_at_its_place(text: str, message: str, start: int) -> None:
    assert tokens(text)[-1] == Token(ERROR, message, start)


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("", "end of input"),
        ("up", 'identifier "up"'),
        ("5m", 'duration "5m"'),
        ("'it''s'", "string \"'it'\""),
        ("'a rather long one'", 'string "\'a rather "...'),
        ("AND", "<op:AND>"),
        ("@", "<op:@>"),
        ("Sum", "<aggr:Sum>"),
        ("offset", "<offset>"),
        ("start", '"start"'),
        ("(", '"("'),
    ],
)
def test_messages_show_a_token_as_upstream_does(text: str, description: str) -> None:
    assert tokens(text)[0].description == description
