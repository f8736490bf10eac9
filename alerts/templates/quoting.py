"""Go's literals: strings, raw strings, characters, numbers."""

from __future__ import annotations

import math
import re

from monitor.model.labels import quote

_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_FLOAT = re.compile(r"[+-]?(?:0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?[0-9]+|[0-9_]*\.?[0-9_]*(?:e[+-]?[0-9]+)?)")
UNICODE_MAX = 0x10FFFF


def unquote(literal: str) -> str:
    """The text of a literal in double quotes, backquotes or single quotes. Raises ValueError if it is malformed."""
    mark, inner = literal[0], literal[1:-1]
    if mark == "`":
        return inner.replace("\r", "")

    def replaced(match: re.Match[str]) -> bytes:
        return _escaped_bytes(match, mark)

    parts, end = [], 0
    for match in _ESCAPE.finditer(inner):
        parts += [inner[end : match.start()].encode(), replaced(match)]
        end = match.end()
    parts.append(inner[end:].encode())
    return b"".join(parts).decode(errors="replace")


def _escaped_bytes(match: re.Match[str], mark: str) -> bytes:
    simple, byte, short, long, octal = match.groups()
    if simple and (simple in _SIMPLE or simple == mark):
        return _SIMPLE.get(simple, simple).encode()
    if byte:
        return bytes([int(byte, 16)])
    if octal:
        return bytes([int(octal, 8)])
    code = int(short or long or "110000", 16)
    if code > UNICODE_MAX or 0xD800 <= code < 0xE000:
        raise ValueError("invalid syntax")
    return chr(code).encode()


def number_value(text: str) -> int | float:
    """The value of a Go number literal. Raises ValueError if it is malformed."""
    digits = text.lstrip("+-")
    is_hexadecimal = digits[:2] in ("0x", "0X")
    if is_hexadecimal and ("p" in text.lower() or "." in text):
        return float.fromhex(text.replace("_", ""))
    if not is_hexadecimal and any(mark in text for mark in ".eE"):
        return float(text)
    if len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_":
        return int(text.replace("_", ""), 8)
    return int(text, 0)


def parse_float(text: str) -> float:
    """Go's strconv.ParseFloat. Raises ValueError as Go words it."""
    bare = text.lower()
    unsigned = bare.lstrip("+-") if bare[:2] not in ("++", "+-", "-+", "--") else ""
    if bare == "nan" or unsigned in ("inf", "infinity"):
        return float(bare)
    try:
        if not _FLOAT.fullmatch(bare):
            raise ValueError
        number = float.fromhex(bare.replace("_", "")) if "x" in bare else float(bare)
    except (ValueError, OverflowError):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax") from None
    if math.isinf(number):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return number
