"""What a query may cost, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.clock import Clock
from monitor.errors import LimitExceeded, QueryTimeout


@dataclass(frozen=True, slots=True)
class QueryLimits:
    samples_max: int = 50_000_000
    """Samples that the selectors of one query may load."""
    steps_max: int = 11_000
    """Steps of a range query."""
    cells_max: int = 50_000_000
    """Series times steps of any intermediate result."""
    timeout_seconds: float = 120.0
    lookback_ms: int = 300_000
    """How long the last sample of a series counts as its current value."""
    subquery_step_ms: int = 60_000
    """The step of a subquery that names none."""
    plans_max: int = 512
    """Expressions whose syntax tree and derived labels are kept."""

    def check_steps(self, steps: int) -> None:
        if steps > self.steps_max:
            raise LimitExceeded(f"the query has {steps} steps, want at most {self.steps_max} (steps_max)")

    def check_samples(self, samples: int) -> None:
        if samples > self.samples_max:
            raise LimitExceeded(
                "query processing would load too many samples into memory: "
                f"got {samples}, want at most {self.samples_max} (samples_max)"
            )

    def check_cells(self, series: int, steps: int) -> None:
        if series * steps > self.cells_max:
            raise LimitExceeded(
                f"the query needs {series} series at {steps} steps each, "
                f"want at most {self.cells_max} values in all (cells_max)"
            )


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
            raise QueryTimeout(f"query timed out after {self._timeout_seconds:g} s (timeout_seconds)")
        if self._guard is not None:
            self._guard.check()
