"""The most memory that a server has had under load: by /proc, and as a service has stored it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.loadtest.figures import Between, Cause, Figure, Part, Unit

# The kernel counts memory for each processor apart, and a process touches some while it answers.
RESIDENT_BYTES_ALLOWED = 256 << 10


@dataclass(frozen=True, slots=True)
class MemoryLook:
    """What /proc has said at a Unix time, in bytes: two files that may differ."""

    at_ms: int
    resident_bytes: Between


@dataclass(frozen=True, slots=True)
class ScrapedMemory:
    """What a service has stored of a scrape that lasted from `at_ms` to `until_ms`."""

    at_ms: int
    until_ms: int
    resident_bytes: float


def memory_under_load(looks: Sequence[MemoryLook], scraped: Sequence[ScrapedMemory]) -> Figure:
    """`looks` ascending. What a scrape has found is compared with the looks around it; what was more in between is a
    part. Memory may be beside both looks for a moment by as much as it has moved from any look to the next."""
    highest = max((look.resident_bytes.most for look in looks), default=None)
    compared = [(each, around) for each in scraped if (around := _around(looks, each)) is not None]
    if highest is None or not compared:
        reason = (
            "its process is not to be seen from here" if highest is None else "no service has scraped it under load"
        )
        return Figure("memory_max", Unit.BYTES, None, None, proc=highest, reason=reason)
    most, around = max(compared, key=lambda pair: pair[0].resident_bytes)
    ours = most.resident_bytes
    parts = (Part(Cause.BETWEEN_SCRAPES, highest - around.nearest(ours)),)
    steps = (abs(later.resident_bytes.most - look.resident_bytes.most) for look, later in pairwise(looks))
    allowed = max((RESIDENT_BYTES_ALLOWED, *steps))
    return Figure("memory_max", Unit.BYTES, None, ours, allowed, parts, proc=highest)


def _at_ms(look: MemoryLook) -> int:
    return look.at_ms


def _around(looks: Sequence[MemoryLook], scrape: ScrapedMemory) -> Between | None:
    """Of the looks from the last before a scrape to the first after it; None if it is not between two."""
    first = bisect_right(looks, scrape.at_ms, key=_at_ms) - 1
    last = bisect_left(looks, scrape.until_ms, key=_at_ms)
    if first < 0 or last == len(looks):
        return None
    found = [look.resident_bytes for look in looks[first : last + 1]]
    return Between(min(each.least for each in found), max(each.most for each in found))
