"""What a query may cost, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.clock import Clock
from monitor.errors import LimitExceeded, QueryTimeout
from monitor.promql.syntax.parse import DEFAULT_LIMITS, ParseLimits

SMALL_SAMPLES_MAX = 16_384
"""Samples that the selectors of a query taken for small may load: a few milliseconds of work."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """The settings of the same names in monitor/config/settings.py say what each is for in the service."""

    samples_max: int = 50_000_000
    """Samples that the selectors of one query may load."""
    window_samples_max: int = 500_000_000
    """Samples in all windows of all selectors of one query: series x samples in a window x steps."""
    steps_max: int = 11_000
    """Steps of a range query."""
    cells_max: int = 50_000_000
    """Series times steps of any intermediate result."""
    points_max: int = 11_000_000
    """Points of a result."""
    timeout_seconds: float = 120.0
    lookback_ms: int = 300_000
    """How long the last sample of a series counts as its current value."""
    subquery_step_ms: int = 60_000
    """The step of a subquery that names none."""
    plans_max: int = 512
    """Expressions whose syntax tree and derived labels are kept."""
    plan_characters_max: int = 4_000_000
    """Characters of all these expressions together."""
    parse: ParseLimits = DEFAULT_LIMITS

    def check_steps(self, steps: int) -> None:
        if steps > self.steps_max:
            raise LimitExceeded(f"the query has {steps} steps, want at most {self.steps_max} (query_steps)")

    def check_samples(self, samples: int) -> None:
        if samples > self.samples_max:
            raise LimitExceeded(
                "query processing would load too many samples into memory: "
                f"got {samples:,}, want at most {self.samples_max:,} (query_samples)"
            )

    def check_cells(self, series: int, steps: int) -> None:
        if series * steps > self.cells_max:
            raise LimitExceeded(
                f"the query needs {series:,} series at {steps:,} steps each, "
                f"want at most {self.cells_max:,} values in all (query_values)"
            )

    def check_points(self, points: int) -> None:
        if points > self.points_max:
            raise LimitExceeded(f"the result has {points:,} points, want at most {self.points_max:,} (query_points)")


class Guard(Protocol):
    """Asked between pieces of work whether to go on."""

    def check(self) -> None:
        """Raises QueryTimeout or QueryCanceled if the query should stop."""
        ...


class Deadline:
    """Stops a query after some seconds, and when `guard` says so."""

    def __init__(self, clock: Clock, timeout_seconds: float, guard: Guard | None) -> None:
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._guard = guard
        self._end_seconds = clock.monotonic_seconds() + timeout_seconds

    def check(self) -> None:
        if self._clock.monotonic_seconds() > self._end_seconds:
            raise QueryTimeout(f"query timed out after {self._timeout_seconds:g} s (query_timeout)")
        if self._guard is not None:
            self._guard.check()
