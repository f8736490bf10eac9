"""Texts as Go writes them, so that messages and printed expressions equal Prometheus's.

A PromQL string may hold bytes that are not UTF-8 (`"\\xff"`). Python texts carry such a byte as a lone surrogate
(PEP 383, `surrogateescape`): U+DC80 to U+DCFF stand for the bytes 0x80 to 0xFF.
"""

from __future__ import annotations

from monitor.model.labels import quote

_ESCAPED_BYTE_BASE = 0xDC00
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
_REPLACEMENT = "\ufffd"


def quote_text(text: str) -> str:
    """`text` as `%q` writes it."""
    if text.isascii():
        return quote(text)
    pieces = [
        f"\\x{ord(char) - _ESCAPED_BYTE_BASE:02x}" if ord(char) in _ESCAPED_BYTES else quote(char)[1:-1]
        for char in text
    ]
    return f'"{"".join(pieces)}"'


def quote_char(char: str) -> str:
    """One character as `%q` writes a rune; the empty text stands for the end of the input."""
    if char == "'":
        return r"'\''"
    if char == '"':
        return "'\"'"
    return f"'{quote_text(char or _REPLACEMENT)[1:-1]}'"


def code_point(char: str) -> str:
    """One character as `%#U` writes it, such as `U+0071 'q'`."""
    name = f"U+{ord(char):04X}"
    return f"{name} '{char}'" if char.isprintable() else name


def with_replacement(text: str) -> str:
    """`text` with U+FFFD for each byte that is not UTF-8, as Go's JSON encoder does."""
    if text.isascii():
        return text
    return "".join(_REPLACEMENT if 0xD800 <= ord(char) < 0xE000 else char for char in text)
