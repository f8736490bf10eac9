"""PromQL text to tokens, one at a time.

A token's kind is the word or sign itself in lower case (`(`, `sum`, `group_left`), or the name of its class as
Prometheus's messages show it (`identifier`, `number`). The lexer knows where it stands, as upstream's does: inside
braces there are no keywords, inside brackets there are no names.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import NamedTuple

from monitor.promql.syntax.function_signatures import AGGREGATIONS
from monitor.promql.syntax.go_text import quote_char, quote_text
from monitor.promql.syntax.number_literals import scan_number
from monitor.promql.syntax.string_literals import scan_string

IDENTIFIER = "identifier"
METRIC_IDENTIFIER = "metric identifier"
STRING = "string"
NUMBER = "number"
DURATION = "duration"
END = "end of input"
ERROR = "error"

_CLASSES = frozenset({IDENTIFIER, METRIC_IDENTIFIER, STRING, NUMBER, DURATION})
_WORD_OPERATORS = frozenset({"and", "or", "unless", "atan2"})
_SIGN_OPERATORS = frozenset(
    {"+", "-", "*", "/", "%", "^", "==", "!=", "<=", "<", ">=", ">", "</", ">/", "=~", "!~", "@"}
)
OPERATORS = _WORD_OPERATORS | _SIGN_OPERATORS
FILL_KEYWORDS = frozenset({"fill", "fill_left", "fill_right"})
_MODIFIER_KEYWORDS = FILL_KEYWORDS | {
    "offset", "smoothed", "anchored", "by", "without", "on", "ignoring", "group_left", "group_right", "bool",
}  # fmt: skip
QUERY_KEYWORDS = frozenset({"start", "end", "step", "range", "min_of", "max_of"})
"""Keywords that are functions of the query's times where a `(` follows."""
DURATION_KEYWORDS = frozenset({"step", "range", "min_of", "max_of"})
_KEYWORDS = {word: word for word in _WORD_OPERATORS | _MODIFIER_KEYWORDS | QUERY_KEYWORDS | AGGREGATIONS.keys()}
_KEYWORDS.update(inf=NUMBER, nan=NUMBER)

METRIC_NAME_KINDS = (
    AGGREGATIONS.keys() | QUERY_KEYWORDS | FILL_KEYWORDS | {IDENTIFIER, METRIC_IDENTIFIER}
    | {"by", "without", "offset", "anchored", "smoothed", "and", "or", "unless"}
)  # fmt: skip
"""What may stand as a metric name; the other keywords may not."""
LABEL_NAME_KINDS = METRIC_NAME_KINDS - {"without"} | {"bool", "on", "ignoring", "group_left", "group_right", "atan2"}
"""What may stand as a label name in a grouping."""
OPERAND_START_KINDS = METRIC_NAME_KINDS | {NUMBER, DURATION, STRING, "(", "{", "+", "-"}
"""What an expression may begin with."""


class Token(NamedTuple):
    """`text` is what is written, or the message if `kind` is ERROR."""

    kind: str
    text: str
    start: int

    @property
    def description(self) -> str:
        """The token as Prometheus's messages show it."""
        if self.kind == END:
            return END
        return f"{self.kind} {self._shown}" if self.kind in _CLASSES else self._shown

    @property
    def _shown(self) -> str:
        if self.kind in (IDENTIFIER, METRIC_IDENTIFIER):
            return quote_text(self.text)
        if self.kind in _MODIFIER_KEYWORDS:
            return f"<{self.text}>"
        if self.kind in OPERATORS:
            return f"<op:{self.text}>"
        if self.kind in AGGREGATIONS:
            return f"<aggr:{self.text}>"
        if len(self.text.encode(errors="surrogatepass")) > 10:
            return f"{quote_text(self.text[:10])}..."
        return quote_text(self.text)


class _Mode(enum.Enum):
    STATEMENT = enum.auto()
    BRACES = enum.auto()
    DURATION = enum.auto()
    AFTER_DURATION = enum.auto()


_SPACE = r"[ \t\n\r]*+"
_NUMBERS = (
    r"(?P<number>(?:0[xX][0-9a-fA-F]++|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)(?![0-9A-Za-z_.]))"
    r"|(?P<duration>[0-9]++(?:ms|[smhdwy])(?:[0-9]++(?:ms|[smhdw]))*+(?![0-9A-Za-z_]))"
    r"|(?P<odd_number>\.?[0-9])"
)
_NOT_UTF8 = "\ufffd\ud800-\udfff"
_STRINGS = (
    rf'(?P<string>"(?:[^"\\\n{_NOT_UTF8}]++|\\[abfnrtv\\"])*+"'
    rf"|'(?:[^'\\\n{_NOT_UTF8}]++|\\[abfnrtv\\'])*+'|`[^`{_NOT_UTF8}]*+`)"
    r"|(?P<odd_string>[\"'`])"
)
_COMMENT = r"(?P<comment>\#[^\r\n]*+)"
_OTHER = r"(?P<other>.)"
_SIGNS = r"(?P<sign>==|=(?!~)|!=|<=|</|<|>=|>/|>|[-+*/%^,(){\[\]@])"
_PATTERNS = {
    _Mode.STATEMENT: rf"(?P<word>[A-Za-z_:][A-Za-z0-9_:]*+)|{_SIGNS}|{_NUMBERS}|{_STRINGS}|{_COMMENT}|{_OTHER}",
    _Mode.BRACES: rf"(?P<identifier>[A-Za-z_][A-Za-z0-9_]*+)|(?P<sign>=~|!~|!=|[=,}}])|{_STRINGS}|{_COMMENT}|{_OTHER}",
    _Mode.DURATION: rf"(?P<step>[A-Za-z_]++)|(?P<colon>:)|(?P<sign>[-+*/%^,()\]])|{_NUMBERS}|{_OTHER}",
    _Mode.AFTER_DURATION: (
        rf"(?P<step>[A-Za-z_]++)|(?P<colon>:)|{_SIGNS}|{_NUMBERS}|{_STRINGS}|{_COMMENT}|{_OTHER}"
    ),
}  # fmt: skip
_MATCHERS = {mode: re.compile(f"{_SPACE}(?:{pattern})", re.DOTALL).match for mode, pattern in _PATTERNS.items()}
_PARENTHESIS_AHEAD = re.compile(rf"{_SPACE}\(")


class Lexer:
    """Gives the tokens of one text; after END or ERROR there is nothing more to ask for."""

    __slots__ = ("_got_colon", "_got_duration", "_match", "_mode", "_parentheses_open", "_position", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._parentheses_open = 0
        self._got_colon = False
        self._got_duration = False
        self._enter(_Mode.STATEMENT)

    def next_token(self) -> Token:
        while True:
            match = self._match(self._text, self._position)
            if match is None:
                return self._end_of_input()
            form = match.lastgroup
            assert form is not None, "BUG: got a token without a form"
            self._position = match.end()
            if form != "comment":
                return self._token(form, match.group(form), match.start(form))

    def _enter(self, mode: _Mode) -> None:
        self._mode = mode
        self._match = _MATCHERS[mode]

    def _token(self, form: str, text: str, start: int) -> Token:
        handler = _HANDLERS.get(form)
        return handler(self, text, start) if handler else Token(form, text, start)

    def _word(self, text: str, start: int) -> Token:
        kind = _KEYWORDS.get(text.lower())
        if kind in FILL_KEYWORDS and not _PARENTHESIS_AHEAD.match(self._text, self._position):
            kind = IDENTIFIER
        if kind is None:
            kind = METRIC_IDENTIFIER if ":" in text else IDENTIFIER
        return Token(kind, text, start)

    def _sign(self, text: str, start: int) -> Token:
        if text == "(":
            self._parentheses_open += 1
        elif text == ")":
            self._parentheses_open -= 1
            if self._parentheses_open < 0:
                return Token(ERROR, "unexpected right parenthesis ')'", start + 1)
        elif text in "{}":
            self._enter(_Mode.BRACES if text == "{" else _Mode.STATEMENT)
        elif text == "[":
            return self._left_bracket(start)
        elif text == "]":
            return self._right_bracket(start)
        return Token(text, text, start)

    def _left_bracket(self, start: int) -> Token:
        if self._mode is not _Mode.STATEMENT:
            return Token(ERROR, "unexpected left bracket '['", start)
        self._got_colon = self._got_duration = False
        self._enter(_Mode.DURATION)
        return Token("[", "[", start)

    def _right_bracket(self, start: int) -> Token:
        if self._mode is _Mode.STATEMENT:
            return Token(ERROR, "unexpected right bracket ']'", start)
        self._enter(_Mode.STATEMENT)
        return Token("]", "]", start)

    def _colon(self, text: str, start: int) -> Token:
        if not self._got_duration:
            return Token(ERROR, "unexpected colon before duration in duration expression", start + 1)
        if self._got_colon:
            return Token(ERROR, "unexpected colon ':'", start)
        self._got_colon = True
        return Token(text, text, start)

    def _number(self, kind: str, text: str, start: int) -> Token:
        if self._mode is _Mode.DURATION:
            self._got_duration = True
            self._enter(_Mode.AFTER_DURATION)
        return Token(kind, text, start)

    def _plain_number(self, text: str, start: int) -> Token:
        return self._number(NUMBER, text, start)

    def _plain_duration(self, text: str, start: int) -> Token:
        return self._number(DURATION, text, start)

    def _odd_number(self, _text: str, start: int) -> Token:
        scanned = scan_number(self._text, start)
        text = self._text[start : scanned.end]
        if not scanned.is_valid:
            return Token(ERROR, f"bad number or duration syntax: {quote_text(text)}", start)
        self._position = scanned.end
        return self._number(DURATION if scanned.is_duration else NUMBER, text, start)

    def _odd_string(self, _text: str, start: int) -> Token:
        scanned = scan_string(self._text, start)
        if scanned.problem:
            return Token(ERROR, scanned.problem, start)
        self._position = scanned.end
        return Token(STRING, self._text[start : scanned.end], start)

    def _duration_keyword(self, text: str, start: int) -> Token:
        kind = text.lower()
        if kind in DURATION_KEYWORDS:
            # Upstream's lexer takes `[step():1m]` only if an earlier bracket held a number; we always do.
            self._got_duration = True
            return Token(kind, text, start)
        first = quote_char(text[0])
        if self._mode is _Mode.DURATION:
            return Token(ERROR, f"unexpected character in duration expression: {first}", start)
        return Token(ERROR, f"unexpected character: {first}, expected ':'", start)

    def _other(self, char: str, start: int) -> Token:
        following = self._text[start + 1 : start + 2]
        inside = " inside braces" if self._mode is _Mode.BRACES else ""
        if self._mode is _Mode.DURATION:
            message = f"unexpected character in duration expression: {quote_char(char)}"
        elif char == "!" or (char == "=" and not inside):
            message = f"unexpected character after '{char}'{inside}: {quote_char(following)}"
        elif char == "{":
            message = "unexpected left brace '{'"
        else:
            message = f"unexpected character{inside}: {quote_char(char)}"
        return Token(ERROR, message, start)

    def _end_of_input(self) -> Token:
        end = len(self._text)
        if self._mode is _Mode.DURATION:
            return Token(ERROR, "unexpected end of input in duration expression", end)
        if self._mode is _Mode.BRACES:
            return Token(ERROR, "unexpected end of input inside braces", end)
        if self._parentheses_open:
            return Token(ERROR, "unclosed left parenthesis", end)
        if self._mode is _Mode.AFTER_DURATION:
            return Token(ERROR, "unclosed left bracket", end)
        return Token(END, "", end)


_HANDLERS: dict[str, Callable[[Lexer, str, int], Token]] = {
    "word": Lexer._word,
    "sign": Lexer._sign,
    "colon": Lexer._colon,
    "number": Lexer._plain_number,
    "duration": Lexer._plain_duration,
    "odd_number": Lexer._odd_number,
    "odd_string": Lexer._odd_string,
    "step": Lexer._duration_keyword,
    "other": Lexer._other,
}
"""What makes a token of a match; the forms not named here are kinds themselves."""
