"""Natural order: numbers within texts count as numbers, so that `host2` comes before `host10`."""

from __future__ import annotations

import re

_CHUNK = re.compile(r"[0-9]+|[^0-9]+")
_INT64_MAX = 2**63 - 1
_INT64_DIGITS = 19


def is_before(a: str, b: str) -> bool:
    """Whether `a` comes before `b`, which differs from it, as upstream's sort_by_label orders (Go's facette/natsort).

    Chunks of digits are compared as numbers, if both are and fit 64 bits, other chunks as texts.
    """
    chunks_a, chunks_b = _CHUNK.findall(a), _CHUNK.findall(b)
    for chunk_a, chunk_b in zip(chunks_a, chunks_b, strict=False):
        number_a, number_b = _number(chunk_a), _number(chunk_b)
        if number_a is not None and number_b is not None:
            if number_a != number_b:
                return number_a < number_b
        elif chunk_a != chunk_b:
            return str(chunk_a) < str(chunk_b)
    return bool(chunks_a) and len(chunks_a) <= len(chunks_b)


def _number(chunk: str) -> int | None:
    if chunk[0] not in "0123456789":
        return None
    digits = chunk.lstrip("0") or "0"
    if len(digits) > _INT64_DIGITS or int(digits) > _INT64_MAX:
        return None
    return int(digits)
