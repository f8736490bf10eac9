"""How many samples a selection has, told from label index and directories: nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.label_frame import Rows

GUESSED_INTERVAL_MS = 100
"""No target is scraped more often."""
SOURCES_MAX = 32
"""Of more sources than these some are looked at and stand for all."""


def guessed_samples(series: int, start_ms: int, end_ms: int) -> int:
    """At least as many as there are, unless samples are less than GUESSED_INTERVAL_MS apart."""
    return series * (max(0, end_ms - start_ms) // GUESSED_INTERVAL_MS + 1)


def rows_inside(rows: int, min_ms: int, max_ms: int, start_ms: int, end_ms: int) -> float:
    """How many of `rows` rows, evenly spread from `min_ms` to `max_ms`, are from `start_ms` to `end_ms`, inclusive."""
    first_ms, last_ms = max(min_ms, start_ms), min(max_ms, end_ms)
    if first_ms > last_ms:
        return 0.0
    return rows * (last_ms - first_ms + 1) / (max_ms - min_ms + 1)


def share_of(rows: Sequence[Rows]) -> tuple[Sequence[int], float]:
    """The positions of the sources to look at, and what their sum is to be multiplied by.

    `rows` are the rows of the selection that each source has.
    """
    stride = -(-len(rows) // SOURCES_MAX) or 1
    chosen = range(0, len(rows), stride)
    seen = sum(len(rows[position]) for position in chosen)
    return chosen, sum(map(len, rows)) / seen if seen else 0.0
