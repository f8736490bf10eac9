"""nginx's log_format, as it stands in nginx.conf or only its text, as tokens."""

from __future__ import annotations

import re

from exporters.access_log.text_format import Field, Token
from exporters.errors import InvalidLogFormat

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_DIRECTIVE = re.compile(r"\s*log_format\s+\S+\s+(?:escape=\w+\s+)?")
_PIECE = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""", re.DOTALL)

_FIELDS = {
    "request": Field.REQUEST_LINE,
    "request_method": Field.METHOD,
    "request_uri": Field.TARGET,
    "uri": Field.TARGET,
    "document_uri": Field.TARGET,
    "status": Field.STATUS,
    "body_bytes_sent": Field.BODY_BYTES,
    "bytes_sent": Field.SENT_BYTES,
    "request_time": Field.SECONDS,
}
# One value for each upstream that was tried, with ", " and " : " between them.
_UPSTREAM_LIST = r"[^\s,]*(?:(?:, | : )[^\s,]+)*"


def nginx_tokens(text: str) -> list[Token]:
    """Raises InvalidLogFormat."""
    text = _unquoted(text)
    tokens: list[Token] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > end:
            tokens.append(Token(text[end : found.start()]))
        elif tokens and tokens[-1].field is not None:
            raise InvalidLogFormat(text, found.start(), "some text between two variables, to tell one from the other")
        tokens.append(_token(found[1] or found[2]))
        end = found.end()
    if end < len(text):
        tokens.append(Token(text[end:]))
    return tokens


def _token(name: str) -> Token:
    pattern = _UPSTREAM_LIST if name.startswith("upstream_") else None
    return Token("$" + name, _FIELDS.get(name, Field.SKIPPED), pattern)


def _unquoted(text: str) -> str:
    """The pieces in quotes behind `log_format NAME`, joined, as nginx joins them."""
    directive = _DIRECTIVE.match(text)
    if directive is None:
        return text
    pieces, position = [], directive.end()
    while found := _PIECE.match(text, position):
        pieces.append(re.sub(r"\\(['\"\\])", r"\1", found[1] if found[1] is not None else found[2]))
        position = found.end()
    if not pieces or text[position:].strip() not in ("", ";"):
        raise InvalidLogFormat(text, position, "'text in quotes' or the end, as in log_format NAME 'text' 'text';")
    return "".join(pieces)
