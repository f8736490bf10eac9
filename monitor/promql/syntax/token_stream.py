"""The tokens of one expression with one token of lookahead, and the errors that point at them."""

from __future__ import annotations

from monitor.errors import ParseError, Span
from monitor.promql.features import Features
from monitor.promql.syntax.lexer import ERROR, Lexer, Token


class TokenStream:
    """`token` is the next token, `kind` its kind, `end` where the last one taken ended.

    A malformed token is reported when the parser wants something else of it, not before: an error further left wins.
    """

    __slots__ = ("_lexer", "_nesting", "depth_max", "end", "features", "kind", "open_aggregations", "text", "token")

    def __init__(self, text: str, features: Features, depth_max: int) -> None:
        self.text = text
        self.features = features
        self.depth_max = depth_max
        self.end = 0
        self.open_aggregations = 0
        self._nesting = 0
        self._lexer = Lexer(text)
        self.token: Token = self._lexer.next_token()
        self.kind = self.token.kind

    def take(self) -> Token:
        """The next token; the stream moves on."""
        taken = self.token
        self.end = taken.start + len(taken.text)
        self.token = self._lexer.next_token()
        self.kind = self.token.kind
        return taken

    def error(self, message: str, start: int, end: int | None = None) -> ParseError:
        """An error about the characters from `start` to `end` (exclusive; the end of the text if None)."""
        return ParseError(message, self.text, Span(start, len(self.text) if end is None else end))

    def error_at(self, token: Token, message: str) -> ParseError:
        return self.error(message, token.start, token.start + len(token.text))

    def unexpected(self, context: str = "", expected: str = "") -> ParseError:
        """The error that says the next token does not fit.

        Without a context of its own it is blamed on the aggregation around it, as upstream's grammar does.
        """
        token = self.token
        if token.kind == ERROR:
            return self.error(token.text, token.start)
        if not context and self.open_aggregations:
            context = "aggregation"
        message = f"unexpected {token.description}"
        message += f" in {context}" if context else ""
        message += f", expected {expected}" if expected else ""
        return self.error_at(token, message)

    def expect(self, kind: str, context: str = "", expected: str = "") -> Token:
        """Takes the next token if it is of `kind`, and raises `unexpected` if not."""
        if self.kind != kind:
            raise self.unexpected(context, expected)
        return self.take()

    def check_token(self) -> None:
        """Raises if the next token is malformed: for rules that upstream applies only after it has read on."""
        if self.kind == ERROR:
            raise self.unexpected()

    def enter(self) -> None:
        """Goes one level down; each level costs the parser stack frames, so it counts before there is a tree."""
        self._nesting += 1
        self.check_depth(self._nesting, self.token.start)

    def leave(self) -> None:
        self._nesting -= 1

    def check_depth(self, depth: int, start: int) -> None:
        """Raises if a tree `depth` nodes deep, beginning at `start`, is too deep."""
        if depth > self.depth_max:
            message = f"expression is nested more than {self.depth_max} levels deep (expression_depth)"
            raise self.error(message, start)
