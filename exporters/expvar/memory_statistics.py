"""`memstats` of Go's /debug/vars (runtime.MemStats), and which pauses are new since the last reading of it.

`PauseNs` is a ring of the last 256 collections; the one before next stands at (NumGC + 255) % 256. An entry is the sum
of the pauses of its collection, two as a rule. `PauseTotalNs` is the sum over all of them since the start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RING_LENGTH = 256
_NEVER_FALLING = ("NumGC", "PauseTotalNs", "TotalAlloc", "Mallocs", "Frees", "NumForcedGC")


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """One reading. `values` has every number of `memstats` by its Go name."""

    collections: int
    pause_total_ns: int
    pauses_ns: tuple[int, ...]
    pause_ends_ns: tuple[int, ...]
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NewPauses:
    """`pauses_ns`: one for each collection. `lost`: collections that left the ring unread; `lost_ns`: their sum."""

    pauses_ns: tuple[int, ...]
    lost: int
    lost_ns: int
    is_new_process: bool


def memory_statistics(memstats: Any) -> MemoryStatistics | None:
    """None if it does not have the shape that Go gives it."""
    if not isinstance(memstats, dict):
        return None
    fields: dict[str, Any] = memstats
    if not all(_is_count(fields.get(name)) for name in ("NumGC", "PauseTotalNs", "TotalAlloc")):
        return None
    if not all(_is_ring(fields.get(name)) for name in ("PauseNs", "PauseEnd")):
        return None
    return MemoryStatistics(
        collections=fields["NumGC"],
        pause_total_ns=fields["PauseTotalNs"],
        pauses_ns=tuple(fields["PauseNs"]),
        pause_ends_ns=tuple(fields["PauseEnd"]),
        values={name: float(value) for name, value in fields.items() if _is_number(value)},
    )


def new_pauses(last: MemoryStatistics | None, now: MemoryStatistics) -> NewPauses:
    """The collections since `last`, or since the start of the process if `last` is None or of another process.

    So, over the life of one process, the pauses counted and the lost ones are NumGC, and their sums PauseTotalNs.
    """
    is_new_process = last is not None and not _is_same_process(last, now)
    if last is None or is_new_process:
        collections, total_ns = now.collections, now.pause_total_ns
    else:
        collections, total_ns = now.collections - last.collections, now.pause_total_ns - last.pause_total_ns
    readable = min(collections, RING_LENGTH)
    pauses_ns = tuple(now.pauses_ns[(now.collections - 1 - back) % RING_LENGTH] for back in range(readable))
    lost = collections - readable
    return NewPauses(pauses_ns, lost, max(total_ns - sum(pauses_ns), 0) if lost else 0, is_new_process)


def pauses_since(now: MemoryStatistics, since_ns: int) -> NewPauses:
    """The collections of a first reading that ended since, in Unix time by the clock of the process.

    None counts as lost: of those that left the ring before it is not known when they ended.
    """
    in_ring = zip(now.pauses_ns, now.pause_ends_ns, strict=True)
    return NewPauses(tuple(pause_ns for pause_ns, end_ns in in_ring if end_ns >= since_ns), 0, 0, False)


def _is_same_process(last: MemoryStatistics, now: MemoryStatistics) -> bool:
    """Nothing went down, and what was the newest entry of the ring is still there.

    If it was written over, all of the ring is new, and its sum within what PauseTotalNs grew by. A process that in one
    interval outgrew the one before in everything is taken for that one: what the page has does not tell them apart.
    """
    if any(now.values.get(name, math.inf) < last.values.get(name, 0) for name in _NEVER_FALLING):
        return False
    if now.collections - last.collections >= RING_LENGTH:
        return sum(now.pauses_ns) <= now.pause_total_ns - last.pause_total_ns
    if last.collections == 0:
        return True
    newest = (last.collections - 1) % RING_LENGTH
    return (now.pauses_ns[newest], now.pause_ends_ns[newest]) == (last.pauses_ns[newest], last.pause_ends_ns[newest])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_ring(value: object) -> bool:
    return isinstance(value, list) and len(value) == RING_LENGTH and all(map(_is_count, value))
