"""Apache's LogFormat as tokens (mod_log_config, mod_logio).

%T has whole seconds, which tell nothing of latency: it is not taken for the duration. Use %D or %{ms}T.
"""

from __future__ import annotations

import re

from exporters.access_log.text_format import Field, Token
from exporters.errors import InvalidLogFormat

_DIRECTIVE = re.compile(r"%(?P<codes>!?\d{3}(?:,\d{3})*)?[<>]?(?:\{(?P<name>[^}]*)\})?(?P<letter>\^?[A-Za-z]{1,2}|%)")

_FIELDS = {
    "r": Field.REQUEST_LINE,
    "m": Field.METHOD,
    "U": Field.TARGET,
    "s": Field.STATUS,
    "b": Field.BODY_BYTES,
    "B": Field.BODY_BYTES,
    "O": Field.SENT_BYTES,
    "D": Field.MICROSECONDS,
}
_TIMES = {"us": Field.MICROSECONDS, "ms": Field.MILLISECONDS}
_PATTERNS = {"t": r"\[[^\]\n]*\]", "U": r"[^ ?\"\n]*", "q": r"(?:\?[^ \"\n]*)?", "T": r"\d*"}


def apache_tokens(text: str) -> list[Token]:
    r"""`text` as in the configuration, with or without its \" escaped. Raises InvalidLogFormat."""
    text = text.replace('\\"', '"')
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _DIRECTIVE.match(text, position)
        if found is None and text[position] == "%":
            raise InvalidLogFormat(text, position, "a directive such as %r or %>s")
        if found is None:
            end = text.find("%", position)
            literal = text[position : end if end >= 0 else len(text)]
            tokens.append(Token(literal))
            position += len(literal)
            continue
        tokens.append(_token(text, found))
        position = found.end()
    return tokens


def _token(text: str, found: re.Match[str]) -> Token:
    letter, name = found["letter"], found["name"]
    if letter == "%":
        return Token("%")
    if len(letter) > 1 and not letter.startswith("^"):
        raise InvalidLogFormat(text, found.start(), f"some text after %{letter[0]}")
    if letter == "T" and name:
        return Token(found[0], _TIMES.get(name, Field.SKIPPED), r"\d*")
    pattern = None if name and letter == "t" else _PATTERNS.get(letter)
    return Token(found[0], _FIELDS.get(letter, Field.SKIPPED), pattern)
