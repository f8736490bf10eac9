"""The median of paired ratios, and between which two of them the true one lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_TWO_SIDED = 0.05


class Verdict(Enum):
    """Whether a ratio is at least what it must be. OPEN: the runs differ too much to say."""

    PASS = "pass"
    MISS = "MISS"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """`low` to `high` holds the true median in 95 of 100 cases; `pairs` is how many ratios there were."""

    median: float
    low: float
    high: float
    pairs: int

    def verdict(self, at_least: float) -> Verdict:
        if self.low >= at_least:
            return Verdict.PASS
        return Verdict.MISS if self.high < at_least else Verdict.OPEN


def paired_ratio(ratios: Sequence[float]) -> PairedRatio:
    """At least one ratio. The interval is the sign test's: nothing is supposed about how the ratios are distributed.

    With fewer than 6 pairs it holds all ratios, which is less than 95 of 100.
    """
    ordered = sorted(ratios)
    count = len(ordered)
    assert count, "BUG: got no ratios, want one at least"
    middle = count // 2
    median = ordered[middle] if count % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    left_out = _left_out_on_each_side(count)
    return PairedRatio(median, ordered[left_out], ordered[-1 - left_out], count)


def _left_out_on_each_side(count: int) -> int:
    """The most with which, by chance, the true median is outside in 5 of 100 cases: it is below the least value kept
    when at most so many of `count` are below it."""
    probability, below = 0.0, 0
    while 2 * (probability := probability + math.comb(count, below) / 2.0**count) <= _TWO_SIDED:
        below += 1
    return max(below - 1, 0)
