"""Byte sizes as Prometheus writes them: `512MB`, `1GiB`, `1.5GB`, always in powers of 1024."""

from __future__ import annotations

import re

_SCALE_BY_PREFIX = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_ALL_SHORT = re.compile(r"(?:\d+(?:\.\d*)?[KMGTPE]?B)+")
_ALL_LONG = re.compile(r"(?:\d+(?:\.\d*)?(?:[KMGTPE]i)?B)+")
_PART = re.compile(r"(\d+(?:\.\d*)?)([KMGTPE]?)i?B")
SIZE_MAX_BYTES = 2**63 - 1


def parse_size_bytes(text: str) -> int:
    """Bytes in a size such as `64MB` or `0`. Raises ValueError naming got and wanted.

    As upstream's units.ParseBase2Bytes: a unit is required, and `MB` and `MiB` are the same 1024 * 1024 bytes.
    """
    if text == "0":
        return 0
    if not (_ALL_SHORT.fullmatch(text) or _ALL_LONG.fullmatch(text)):
        raise ValueError(f"got {text!r}, want a size with a unit such as 512KB, 64MB or 1GB")
    size = sum(float(count) * _SCALE_BY_PREFIX[prefix] for count, prefix in _PART.findall(text))
    if size > SIZE_MAX_BYTES:
        raise ValueError(f"got {text!r}, want a size of at most 8 exabytes")
    return int(size)


def format_size(size_bytes: int) -> str:
    """The shortest exact spelling: the inverse of `parse_size_bytes`."""
    if size_bytes == 0:
        return "0"
    parts, rest = [], size_bytes
    for prefix, scale in reversed(_SCALE_BY_PREFIX.items()):
        count, rest = divmod(rest, scale)
        if count:
            parts.append(f"{count}{prefix}{'iB' if prefix else 'B'}")
    return "".join(parts)
