"""PromQL's numbers and durations as literals: what the lexer takes for one, and its value."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from monitor.model.durations import DURATION_MAX_MS, MS_BY_UNIT
from monitor.promql.syntax.go_text import quote_text

# Upstream takes a first zero, point and digit without noting them, so that `0.5.5` and `.5.5` are cut as numbers.
_HEX_START = re.compile(r"0[xX]_?\.?[0-9a-fA-F]?")
_DECIMAL_START = re.compile(r"0?\.?[0-9]?")
_DECIMAL_STEP = re.compile(r"(?P<digits>[0-9]+)|(?P<point>\.)|(?P<exponent>[eE][+-]?)|(?P<underscore>_)")
_HEX_STEP = re.compile(r"(?P<digits>[0-9a-fA-F]+)|(?P<point>\.)|(?P<underscore>_)")
_MUST_NOT_FOLLOW = {"point": "_.", "exponent": "._eE", "underscore": "._eE"}
_WORD_CHARACTER = re.compile(r"[0-9A-Za-z_]")
_DIGITS = re.compile(r"[0-9]+")
_UNITS = re.compile(r"[smhdwy]s?(?:[0-9]+[smhdw]s?)*+")
_COUNT_AND_UNIT = re.compile(r"([0-9]+)([^0-9]*)|[^0-9]+")
_COUNT_DIGITS_MAX = 19
_INTEGER = re.compile(r"0[xX](?:_?[0-9a-fA-F]++)++|0(?:_?[0-7]++)*+|[1-9](?:_?[0-9]++)*+")
_INTEGER_MAX = 2**63 - 1
_INTEGER_CHARACTERS_MAX = 64
_SPECIAL = {"inf": math.inf, "nan": math.nan}


@dataclass(frozen=True, slots=True)
class ScannedNumber:
    """How far a number or duration reaches. If not `is_valid`, what lies before `end` is what the message shows."""

    end: int
    is_duration: bool = False
    is_valid: bool = True


def scan_number(text: str, start: int) -> ScannedNumber:
    """The number or duration at `start`, as Prometheus's lexer (promql/parser/lex.go) cuts it.

    That takes more than `number_value` and `duration_seconds` accept: `5m5d` is cut as a duration that has no value.
    """
    number = _scan_plain_number(text, start)
    if number.is_valid:
        return number
    units = _UNITS.match(text, number.end)
    if units is None:
        return number
    end = units.end()
    dangling = _DIGITS.match(text, end)
    if dangling is not None:
        return ScannedNumber(dangling.end(), is_valid=False)
    if _WORD_CHARACTER.match(text, end):
        return ScannedNumber(end + 1, is_valid=False)
    return ScannedNumber(end, is_duration=True)


def _scan_plain_number(text: str, start: int) -> ScannedNumber:
    hex_start = _HEX_START.match(text, start)
    number_start = hex_start or _DECIMAL_START.match(text, start)
    assert number_start is not None, "BUG: got no match of a pattern that matches the empty text"
    step_pattern = _HEX_STEP if hex_start else _DECIMAL_STEP
    end = number_start.end()
    seen: set[str | None] = set()
    while step := step_pattern.match(text, end):
        form = step.lastgroup
        if form in ("point", "exponent") and form in seen:
            return ScannedNumber(end + 1, is_valid=False)
        seen.add(form)
        end = step.end()
        if form is None or form == "digits":
            continue
        follower = text[end : end + 1]
        if follower and follower in _MUST_NOT_FOLLOW[form]:
            return ScannedNumber(end + 1, is_valid=False)
        if (form == "point" and hex_start) or (form != "point" and not follower):
            return ScannedNumber(end, is_valid=False)
    return ScannedNumber(end, is_valid=_WORD_CHARACTER.match(text, end) is None)


def round_half_away(value: float) -> int:
    """`value` rounded to a whole number, halves away from zero as Go's math.Round does."""
    rounded = math.floor(abs(value) + 0.5)
    return -rounded if value < 0 else rounded


def number_value(text: str) -> float:
    """The value of a number literal: `0x1F`, `017` (octal), `1_000`, `.5`, `1e3`, `Inf`, `NaN`.

    Raises ValueError in Prometheus's words.
    """
    special = _SPECIAL.get(text.lower())
    if special is not None:
        return special
    integer = _integer_value(text)
    if integer is not None:
        return float(integer)
    try:
        value = float(text)
    except ValueError:
        raise _number_error(text, "invalid syntax") from None
    if math.isinf(value):
        raise _number_error(text, "value out of range")
    return value


def _integer_value(text: str) -> int | None:
    """The value if it is a whole number that fits 64 bits; a leading zero means octal, as in Go."""
    if len(text) > _INTEGER_CHARACTERS_MAX or not _INTEGER.fullmatch(text):
        return None
    digits = text.replace("_", "")
    value = int(digits, 8) if digits[0] == "0" and digits.isdigit() else int(digits, 0)
    return value if value <= _INTEGER_MAX else None


def _number_error(text: str, reason: str) -> ValueError:
    return ValueError(f"error parsing number: strconv.ParseFloat: parsing {quote_text(text)}: {reason}")


def duration_seconds(text: str) -> float:
    """The seconds in a duration literal such as `1h30m`, which has each unit at most once, the longest first.

    Raises ValueError in Prometheus's words (prometheus/common, model.ParseDuration).
    """
    units_left = list(MS_BY_UNIT)
    total_ms = 0
    for count, unit in _COUNT_AND_UNIT.findall(text):
        if unit and unit not in MS_BY_UNIT:
            raise ValueError(f"unknown unit {quote_text(unit)} in duration {quote_text(text)}")
        if unit not in units_left or len(count) > _COUNT_DIGITS_MAX:
            raise ValueError(f"not a valid duration string: {quote_text(text)}")
        units_left = units_left[units_left.index(unit) + 1 :]
        total_ms += int(count) * MS_BY_UNIT[unit]
        if total_ms > DURATION_MAX_MS:
            raise ValueError("duration out of range")
    seconds, ms = divmod(total_ms, 1000)
    return seconds + ms / 1000
