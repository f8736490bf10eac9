"""wrk's histogram of latencies, and its correction for coordinated omission taken back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r'^\{"wrk_distribution":1,"latency_us":(\[.*\])\}$', re.MULTILINE)
_MICROSECOND = 1e-6


@dataclass(frozen=True, slots=True)
class Distribution:
    """V values in seconds, ascending, and how many requests had each: both (V,). At least one request."""

    seconds: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def requests(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float:
        return math.fsum(value * count for value, count in zip(self.seconds, self.counts, strict=True)) / self.requests

    def quantile(self, q: float) -> float:
        """The nearest rank; `q` from 0 to 1."""
        rank, seen = max(math.ceil(q * self.requests), 1), 0
        for value, count in zip(self.seconds, self.counts, strict=True):
            seen += count
            if seen >= rank:
                return value
        return self.seconds[-1]


def parse_wrk_distribution(text: str) -> Sequence[tuple[int, int]] | None:
    """Pairs of microseconds and requests, ascending, as wrk_distribution.lua prints them; None if it has not."""
    found = _LINE.search(text)
    if found is None:
        return None
    return [(int(value), int(count)) for value, count in json.loads(found[1])]


def uncorrected(pairs: Sequence[tuple[int, int]], expected_us: int) -> Distribution | None:
    """The distribution that wrk has measured, of the one that it prints.

    wrk adds, for each latency v of 2 × `expected_us` or more, one of v - expected, of v - 2 × expected … as long as
    they are more than `expected_us` (stats_correct in wrk's stats.c; `expected_us` is the duration of the run by the
    requests of a connection). So what it measured at v > expected is what it prints at v less what it prints at
    v + expected. None if `pairs` cannot come of that.
    """
    printed = dict(pairs)
    # Exactly 2 × expected is corrected by nothing, since v - expected has to be more than expected.
    measured = {
        value: count - (printed.get(value + expected_us, 0) if value > expected_us else 0)
        for value, count in printed.items()
    }
    if expected_us <= 0 or min(measured.values(), default=-1) < 0:
        return None
    kept = sorted((value, count) for value, count in measured.items() if count)
    return Distribution(tuple(value * _MICROSECOND for value, _ in kept), tuple(count for _, count in kept))


def expected_microseconds(duration_seconds: float, requests: int, connections: int) -> int:
    """wrk's own whole numbers: 0 if no connection has had a whole request, for then it corrects nothing."""
    for_each = requests // connections
    return round(duration_seconds * 1e6) // for_each if for_each else 0
