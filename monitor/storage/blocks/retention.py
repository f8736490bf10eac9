"""Which blocks, and which series of them, are kept no longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap

from monitor.storage.blocks.block import Block
from monitor.storage.head.head_postings import to_bitmap
from monitor.storage.head.series_table import SeriesNumbers, to_numbers
from monitor.storage.interfaces import Selector


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Series that match the selector are kept for `keep_ms`; 0 is for good."""

    selector: Selector
    keep_ms: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long samples are kept.

    keep_ms          of series that no rule is about; 0 is for good
    rules            the first that matches a series counts
    size_bytes       what blocks and journal may take together; the oldest blocks go first; 0 is no limit
    disk_percentage  the same as a part of the disk that holds the data directory; 0 is no limit
    """

    keep_ms: int = 15 * 86_400_000
    rules: tuple[RetentionRule, ...] = ()
    size_bytes: int = 0
    disk_percentage: float = 0.0

    @property
    def shortest_ms(self) -> int:
        """The least age at which something goes; 0 if nothing does."""
        return min((age for age in (self.keep_ms, *(rule.keep_ms for rule in self.rules)) if age), default=0)

    @property
    def has_ages(self) -> bool:
        return self.keep_ms > 0 or any(rule.keep_ms > 0 for rule in self.rules)


def expired_series(block: Block, newest_ms: int, retention: Retention) -> SeriesNumbers:
    """The series of a block that are too old, ascending. The age of a block is that of its youngest sample."""
    age_ms = newest_ms - block.meta.max_ms
    ages_ms = [retention.keep_ms, *(rule.keep_ms for rule in retention.rules)]
    if not any(_is_over(keep_ms, age_ms) for keep_ms in ages_ms):
        return np.empty(0, np.uint32)
    left, expired = BitMap(range(block.meta.series)), BitMap()
    for rule in retention.rules:
        if not left:
            break
        matched = to_bitmap(block.select(rule.selector)) & left
        left -= matched
        if _is_over(rule.keep_ms, age_ms):
            expired |= matched
    if _is_over(retention.keep_ms, age_ms):
        expired |= left
    return to_numbers(expired) if expired else np.empty(0, np.uint32)


def _is_over(keep_ms: int, age_ms: int) -> bool:
    return 0 < keep_ms < age_ms


def blocks_over_size(sizes: Sequence[tuple[Block, int]], other_bytes: int, limit_bytes: int) -> list[Block]:
    """The oldest blocks, as many as have to go for the rest and `other_bytes` to fit; `sizes` are (block, bytes)."""
    excess = other_bytes + sum(size for _, size in sizes) - limit_bytes
    going = []
    for block, size in sorted(sizes, key=lambda pair: pair[0].meta.max_ms):
        if excess <= 0:
            break
        going.append(block)
        excess -= size
    return going
