"""Formats of one text line a request: their tokens become one regular expression that reads a whole block at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from exporters.access_log.line_format import Columns, ParsedLines


class Field(Enum):
    """What a token of a format stands for."""

    REQUEST_LINE = "request line"
    METHOD = "method"
    TARGET = "target"
    STATUS = "status"
    BODY_BYTES = "body bytes"
    SENT_BYTES = "sent bytes"
    SECONDS = "duration in seconds"
    MILLISECONDS = "duration in milliseconds"
    MICROSECONDS = "duration in microseconds"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Token:
    """Text that stands in every line as it is, or (`field` not None) a field; `pattern` if it is a special one."""

    text: str
    field: Field | None = None
    pattern: str | None = None


_DURATIONS = {Field.MICROSECONDS: 1_000, Field.MILLISECONDS: 1_000_000, Field.SECONDS: 1_000_000_000}
_SIZES = (Field.BODY_BYTES, Field.SENT_BYTES)

# A backslash escapes what follows it, in nginx's \x22 as in Apache's \" and in JSON.
_QUOTED = r'[^"\\\n]*(?:\\[^\n][^"\\\n]*)*'
_WORD_IN_QUOTES = r'[^" \\\n]+(?:\\[^\n][^" \\\n]*)*'
_REQUEST_LINE = rf"(?:([A-Z]{{1,20}}) ({_WORD_IN_QUOTES}) HTTP/[0-9.]{{1,4}}|{_QUOTED})"
_PATTERNS = {
    Field.REQUEST_LINE: _REQUEST_LINE,
    Field.METHOD: r"([A-Za-z_-]{1,30})",
    Field.STATUS: r"(\d{1,3}|-)",
    Field.BODY_BYTES: r"(\d{1,18}|-)",
    Field.SENT_BYTES: r"(\d{1,18}|-)",
    Field.SECONDS: r"(\d{1,9}(?:\.\d{1,9})?|-)",
    Field.MILLISECONDS: r"(\d{1,12}(?:\.\d{1,6})?|-)",
    Field.MICROSECONDS: r"(\d{1,15}|-)",
}


class TextFormat:
    """A LineFormat. A line that does not match from its first to its last character is not recognised."""

    def __init__(self, tokens: Sequence[Token], optional_end: str = "") -> None:
        """`optional_end` is a pattern for what may follow the tokens, with one group for a duration in seconds."""
        wanted = _wanted_fields(tokens)
        parts: list[str] = []
        groups: list[Field] = []
        for index, token in enumerate(tokens):
            is_wanted = token.field in wanted
            parts.append(_pattern_of(tokens, index, is_wanted))
            if token.field is not None and is_wanted:
                groups += _groups_of(token.field)
                wanted.remove(token.field)  # the first of several is taken
        groups += [Field.SECONDS] if optional_end else []
        # The empty group at the end stands for everything that the format does not have.
        self._regex = re.compile(f"^{''.join(parts)}{optional_end}\\r?$()", re.MULTILINE | re.ASCII)
        self.columns = _columns(groups)

    def parse(self, lines: str) -> ParsedLines:
        rows = self._regex.findall(lines)
        return ParsedLines(rows, lines.count("\n") - len(rows))


def _wanted_fields(tokens: Sequence[Token]) -> set[Field]:
    """Of several durations the finest is wanted, of several sizes that of the body; the others are skipped."""
    present = {token.field for token in tokens if token.field}
    durations = [field for field in _DURATIONS if field in present]
    sizes = [field for field in _SIZES if field in present]
    single = {Field.REQUEST_LINE} if Field.REQUEST_LINE in present else {Field.METHOD, Field.TARGET} & present
    return {Field.STATUS, *durations[:1], *sizes[:1], *single}


def _pattern_of(tokens: Sequence[Token], index: int, is_wanted: bool) -> str:
    token = tokens[index]
    if token.field is None:
        return re.escape(token.text)
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else "\n"
    if is_wanted and token.field in _PATTERNS:
        return _PATTERNS[token.field]
    plain = token.pattern or _until(after[0], before.endswith('"') and after.startswith('"'))
    return f"({plain})" if is_wanted else plain


def _until(delimiter: str, is_quoted: bool) -> str:
    if is_quoted:
        return _QUOTED
    return r"[^\n]*" if delimiter == "\n" else rf"[^{re.escape(delimiter)}\n]*"


def _groups_of(field: Field) -> list[Field]:
    return [Field.METHOD, Field.TARGET] if field is Field.REQUEST_LINE else [field]


def _columns(groups: Sequence[Field]) -> Columns:
    places: dict[Field, int] = {}
    for index, field in enumerate(groups):
        places.setdefault(field, index)
    absent = len(groups)
    columns = Columns(
        method=places.get(Field.METHOD, absent),
        target=places.get(Field.TARGET, absent),
        status=places.get(Field.STATUS, absent),
        size=absent,
        duration=absent,
    )
    for field in _SIZES:
        if field in places:
            is_body = field is Field.BODY_BYTES
            columns = replace(columns, size=places[field], size_is_body=is_body)
    for field, unit_ns in _DURATIONS.items():
        if field in places:
            columns = replace(columns, duration=places[field], duration_unit_ns=unit_ns)
    return columns
