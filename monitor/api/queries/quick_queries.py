"""Which queries are answered at once, on the event loop, instead of in a thread.

Handing a query to a thread and its answer back costs as much as a small query itself: 0.4 of 0.9 ms. What a query will
cost is known from the last time: one that looked at few samples then does so again, unless its range has grown. So its
cost is not estimated either: if it has grown after all, the engine says so (NotSmall) before samples are read. What is
slow without loading much, such as a subquery of many steps, is told by its time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from monitor.promql.steps import QueryTimes

QUICK_SAMPLES_MAX = 4_096
"""Loaded by the selectors, and points of the answer: together less than a millisecond of work."""
QUICK_SECONDS_MAX = 0.01
REMEMBERED_MAX = 4_096


@dataclass(frozen=True, slots=True)
class _Extent:
    """The longest range, and the most steps, at which a query was quick."""

    range_ms: int
    steps: int


class QuickQueries:
    """Used on the event loop only."""

    def __init__(self) -> None:
        self._quick: OrderedDict[tuple[str, int | None], _Extent] = OrderedDict()

    def is_quick(self, expression: str, times: QueryTimes, lookback_ms: int | None) -> bool:
        known = self._quick.get((expression, lookback_ms))
        return known is not None and times.end_ms - times.start_ms <= known.range_ms and _steps(times) <= known.steps

    def forget(self, expression: str, lookback_ms: int | None) -> None:
        self._quick.pop((expression, lookback_ms), None)

    def learn(self, expression: str, times: QueryTimes, lookback_ms: int | None, samples: int, seconds: float) -> None:
        """What an evaluation loaded and answered together, and its time."""
        key = expression, lookback_ms
        was_quick = samples <= QUICK_SAMPLES_MAX and seconds <= QUICK_SECONDS_MAX
        if was_quick and self.is_quick(expression, times, lookback_ms):
            self._quick.move_to_end(key)
            return
        before = self._quick.pop(key, _Extent(0, 0))
        if not was_quick:
            return
        range_ms = max(before.range_ms, times.end_ms - times.start_ms)
        self._quick[key] = _Extent(range_ms, max(before.steps, _steps(times)))
        if len(self._quick) > REMEMBERED_MAX:
            self._quick.popitem(last=False)


def _steps(times: QueryTimes) -> int:
    return (times.end_ms - times.start_ms) // times.step_ms + 1 if times.is_range else 1
