"""The instants at which an expression is evaluated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.samples import Timestamps

_TIME_MAX_MS = 2**62
"""Half of what an int64 holds: no range or offset, which Go's time.Duration limits to 292 years, leads out of it."""


@dataclass(frozen=True, slots=True)
class Steps:
    """T instants: `start_ms`, `start_ms + step_ms`, … With `step_ms` 0 they are all the same.

    Raises EvaluationError for instants beyond 146 million years.
    """

    start_ms: int
    step_ms: int
    count: int

    def __post_init__(self) -> None:
        for at_ms in (self.start_ms, self.end_ms):
            if abs(at_ms) > _TIME_MAX_MS:
                raise EvaluationError(f"time is out of range: got {at_ms} ms, want at most {_TIME_MAX_MS} ms from 1970")

    @classmethod
    def instant(cls, at_ms: int) -> Steps:
        return cls(at_ms, 1, 1)

    @classmethod
    def between(cls, start_ms: int, end_ms: int, step_ms: int) -> Steps:
        """From `start_ms` on, not beyond `end_ms`; none if that is before the start."""
        return cls(start_ms, step_ms, max(0, (end_ms - start_ms) // step_ms + 1))

    @property
    def end_ms(self) -> int:
        """The last instant."""
        return self.start_ms + (self.count - 1) * self.step_ms

    def first(self) -> Steps:
        return Steps.instant(self.start_ms)

    def earlier(self, by_ms: int) -> Steps:
        return Steps(self.start_ms - by_ms, self.step_ms, self.count)

    def times_ms(self) -> Timestamps:
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms


@dataclass(frozen=True, slots=True)
class QueryTimes:
    """When a query is evaluated: an instant query has `step_ms` 0, and its end is its start."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def instant(cls, at_ms: int) -> QueryTimes:
        return cls(at_ms, at_ms, 0)

    @property
    def is_range(self) -> bool:
        return self.step_ms > 0
