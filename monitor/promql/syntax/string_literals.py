"""PromQL's string literals: three kinds of quotes, Go's escape sequences."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.promql.syntax.go_text import code_point

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:[abfnrtv\\'\"]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
_DIGITS = {"x": (2, 16, 255), "u": (4, 16, 0x10FFFF), "U": (8, 16, 0x10FFFF)}
_OCTAL = (3, 8, 255)
_BAD_CODE_POINT = "escape sequence is an invalid Unicode code point"
_NOT_TERMINATED = "escape sequence not terminated"


@dataclass(frozen=True, slots=True)
class ScannedString:
    """Either the offset behind the closing quote or what is wrong, in Prometheus's words."""

    end: int
    problem: str = ""


def scan_string(text: str, start: int) -> ScannedString:
    """The literal whose opening quote stands at `start`; the first thing that is wrong with it, from the left."""
    opening = text[start]
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == opening:
            return ScannedString(position + 1)
        if _is_not_utf8(char):
            return ScannedString(position, "invalid UTF-8 rune")
        if opening != "`" and char == "\n":
            break
        if opening != "`" and char == "\\":
            escape = _scan_escape(text, position + 1, opening)
            if escape.problem:
                return escape
            position = escape.end
        else:
            position += 1
    problem = "unterminated raw string" if opening == "`" else "unterminated quoted string"
    return ScannedString(position, problem)


def _is_not_utf8(char: str) -> bool:
    """Prometheus cannot tell U+FFFD from broken UTF-8 and refuses both."""
    return char == "\ufffd" or "\ud800" <= char <= "\udfff"


def _scan_escape(text: str, start: int, opening: str) -> ScannedString:
    """The escape sequence whose backslash stands before `start`."""
    char = text[start : start + 1]
    if not char:
        return ScannedString(start, _NOT_TERMINATED)
    if char in _SIMPLE or char == opening:
        return ScannedString(start + 1)
    if char in "01234567":
        return _scan_digits(text, start, _OCTAL)
    if char in _DIGITS:
        return _scan_digits(text, start + 1, _DIGITS[char])
    return ScannedString(start, f"unknown escape sequence {code_point(char)}")


def _scan_digits(text: str, start: int, form: tuple[int, int, int]) -> ScannedString:
    count, base, value_max = form
    value = 0
    for position in range(start, start + count):
        char = text[position : position + 1]
        if not char:
            return ScannedString(position, _NOT_TERMINATED)
        digit = int(char, 16) if char in "0123456789abcdefABCDEF" else base
        if digit >= base:
            return ScannedString(position, f"illegal character {code_point(char)} in escape sequence")
        value = value * base + digit
    if value > value_max or 0xD800 <= value < 0xE000:
        return ScannedString(start + count, _BAD_CODE_POINT)
    return ScannedString(start + count)


def unquote(literal: str) -> str:
    """The text that a well-formed literal stands for; bytes that are not UTF-8 as in go_text."""
    inner = literal[1:-1]
    if literal[0] == "`" or "\\" not in inner:
        return inner
    pieces, position = [], 0
    for match in _ESCAPE.finditer(inner):
        pieces.append(inner[position : match.start()].encode())
        pieces.append(_escape_bytes(match.group()[1:]))
        position = match.end()
    pieces.append(inner[position:].encode())
    return b"".join(pieces).decode(errors="surrogateescape")


def _escape_bytes(escape: str) -> bytes:
    first = escape[0]
    if first in _SIMPLE:
        return _SIMPLE[first].encode()
    if first in "'\"":
        return first.encode()
    if first in "uU":
        return chr(int(escape[1:], 16)).encode()
    return bytes([int(escape[1:], 16) if first == "x" else int(escape, 8)])
