"""Template text → tokens, as Go's text/template splits it."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class TokenKind(enum.Enum):
    TEXT = "text"
    LEFT = "{{"
    RIGHT = "}}"
    SPACE = "space"
    IDENTIFIER = "identifier"
    KEYWORD = "keyword"
    BOOL = "bool"
    DOT = "."
    FIELD = "field"
    VARIABLE = "variable"
    NUMBER = "number"
    CHARACTER = "character constant"
    STRING = "string"
    RAW_STRING = "raw string"
    PIPE = "|"
    ASSIGN = "="
    DECLARE = ":="
    LEFT_PAREN = "("
    RIGHT_PAREN = ")"
    COMMA = ","
    OTHER = "other character"
    ERROR = "error"
    END = "EOF"


@dataclass(frozen=True, slots=True)
class Token:
    """`position` is the offset in characters; `line` counts from 1. The text of an ERROR is its message."""

    kind: TokenKind
    text: str
    position: int
    line: int


KEYWORDS = frozenset(("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"))
_SPACES = " \t\r\n"
_SIGNS = frozenset("+-")
_LEFT = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_RIGHT = re.compile(r"([ \t\r\n]-)?\}\}")
_COMMENT = re.compile(r"[ \t\r\n]/\*")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
)
_QUOTED = {
    '"': (TokenKind.STRING, re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'), "unterminated quoted string"),
    "`": (TokenKind.RAW_STRING, re.compile(r"`[^`]*`"), "unterminated raw quoted string"),
    "'": (TokenKind.CHARACTER, re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"), "unterminated character constant"),
}
_SINGLE = {"|": TokenKind.PIPE, "=": TokenKind.ASSIGN, "(": TokenKind.LEFT_PAREN, ",": TokenKind.COMMA}
_TERMINATORS = frozenset(" \t\r\n.,|:)(")
_WORD = re.compile(r"\w+")


class _LexError(Exception):
    """Ends the tokens with an ERROR."""


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line = 1
        self.paren_depth = 0
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        try:
            while self._text_and_action():
                pass
        except _LexError as error:
            self.tokens.append(Token(TokenKind.ERROR, str(error), self.position, self.line))
        return self.tokens

    def emit(self, kind: TokenKind, end: int) -> None:
        text = self.text[self.position : end]
        self.tokens.append(Token(kind, text, self.position, self.line))
        self.skip(end)

    def skip(self, end: int) -> None:
        self.line += self.text.count("\n", self.position, end)
        self.position = end

    def _text_and_action(self) -> bool:
        """Whether there may be more."""
        left = _LEFT.search(self.text, self.position)
        end = left.start() if left else len(self.text)
        shown = self.text[self.position : end]
        if left and left.group(1):
            shown = shown.rstrip(_SPACES)
        if shown:
            self.tokens.append(Token(TokenKind.TEXT, shown, self.position, self.line))
        self.skip(end)
        if left is None:
            self.tokens.append(Token(TokenKind.END, "", self.position, self.line))
            return False
        comment = _COMMENT.match(self.text, left.end()) if left.group(1) else None
        if comment or self.text.startswith("/*", left.end()):
            self._comment(comment.end() if comment else left.end() + 2)
        else:
            self._action(left.end())
        return True

    def _comment(self, start: int) -> None:
        close = self.text.find("*/", start)
        if close < 0:
            raise _LexError("unclosed comment")
        right = _RIGHT.match(self.text, close + 2)
        if right is None:
            raise _LexError("comment ends before closing delimiter")
        self.skip(right.end())
        self._trim_after(right)

    def _trim_after(self, right: re.Match[str]) -> None:
        if right.group(1):
            rest = self.text[self.position :]
            self.skip(self.position + len(rest) - len(rest.lstrip(_SPACES)))

    def _action(self, start: int) -> None:
        self.emit(TokenKind.LEFT, start)
        self.paren_depth = 0
        while True:
            right = _RIGHT.match(self.text, self.position)
            if right:
                break
            if self.position >= len(self.text):
                raise _LexError("unclosed action")
            self._inside(self.text[self.position])
        if self.paren_depth:
            raise _LexError("unclosed left paren")
        self.emit(TokenKind.RIGHT, right.end())
        self._trim_after(right)

    def _inside(self, char: str) -> None:
        if char in _SPACES:
            self._space()
        elif char in _QUOTED:
            self._quoted(char)
        elif char in "+-." or char.isdigit():
            self._number_or_field(char)
        elif char == "$":
            self._name(TokenKind.VARIABLE, 1)
        elif char.isalnum() or char == "_":
            self._name(TokenKind.IDENTIFIER, 0)
        else:
            self._punctuation(char)

    def _space(self) -> None:
        end = self.position
        while end < len(self.text) and self.text[end] in _SPACES and not _RIGHT.match(self.text, end):
            end += 1
        self.emit(TokenKind.SPACE, end)

    def _quoted(self, char: str) -> None:
        kind, pattern, message = _QUOTED[char]
        match = pattern.match(self.text, self.position)
        if match is None:
            raise _LexError(message)
        self.emit(kind, match.end())

    def _number_or_field(self, char: str) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if char == "." and not ("0" <= following <= "9"):
            self._name(TokenKind.FIELD, 1)
            return
        match = _NUMBER.match(self.text, self.position)
        assert match, "BUG: got no match of a pattern that matches the empty text"
        after = self.text[match.end() : match.end() + 1]
        # A sign would make it a complex number, which nothing in a rule's template has a use for.
        if after in _SIGNS or after.isalnum() or after == "_":
            raise _LexError(f'bad number syntax: "{self.text[self.position : match.end() + 1]}"')
        self.emit(TokenKind.NUMBER, match.end())

    def _name(self, kind: TokenKind, prefix: int) -> None:
        """An identifier, `$name` or `.name`, with `prefix` characters before the name."""
        word = _WORD.match(self.text, self.position + prefix)
        end = word.end() if word else self.position + prefix
        after = self.text[end : end + 1]
        if after and after not in _TERMINATORS and not _RIGHT.match(self.text, end):
            raise _LexError(f"bad character U+{ord(after):04X} '{after}'")
        self.emit(_named_kind(kind, self.text[self.position : end]), end)

    def _punctuation(self, char: str) -> None:
        if char == ":":
            if not self.text.startswith(":=", self.position):
                raise _LexError("expected :=")
            self.emit(TokenKind.DECLARE, self.position + 2)
            return
        if char == ")":
            if self.paren_depth == 0:
                raise _LexError("unexpected right paren")
            self.paren_depth -= 1
            self.emit(TokenKind.RIGHT_PAREN, self.position + 1)
            return
        if char == "(":
            self.paren_depth += 1
        if not char.isascii() or not char.isprintable():
            raise _LexError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")
        self.emit(_SINGLE.get(char, TokenKind.OTHER), self.position + 1)


def _named_kind(kind: TokenKind, text: str) -> TokenKind:
    if kind is TokenKind.FIELD and text == ".":
        return TokenKind.DOT
    if kind is TokenKind.IDENTIFIER and text in KEYWORDS:
        return TokenKind.KEYWORD
    if kind is TokenKind.IDENTIFIER and text in ("true", "false"):
        return TokenKind.BOOL
    return kind


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`; the last is an END or an ERROR."""
    return _Lexer(text).run()
