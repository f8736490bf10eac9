"""What stops a query: its deadline, and its client going away."""

from __future__ import annotations

from monitor.clock import Clock
from monitor.errors import QueryCanceled, QueryTimeout


class QueryGuard:
    """See promql.limits.Guard. Time runs from its making on, so waiting for a place counts. Any thread may use it."""

    __slots__ = ("_canceled_by", "_clock", "_end_seconds", "timeout_seconds")

    def __init__(self, clock: Clock, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._clock = clock
        self._end_seconds = clock.monotonic_seconds() + timeout_seconds
        self._canceled_by = ""

    def left_seconds(self) -> float:
        return self._end_seconds - self._clock.monotonic_seconds()

    def elapsed_seconds(self) -> float:
        return self.timeout_seconds - self.left_seconds()

    def cancel(self, reason: str = "the client went away") -> None:
        self._canceled_by = reason

    def check(self) -> None:
        """Raises QueryTimeout or QueryCanceled if the query should stop."""
        if self._canceled_by:
            raise QueryCanceled(f"query was canceled: {self._canceled_by}")
        if self._clock.monotonic_seconds() >= self._end_seconds:
            raise self.timeout()

    def timeout(self) -> QueryTimeout:
        return QueryTimeout(f"query timed out after {self.timeout_seconds:g} s")
