"""The circuit breaker of an actuator: after failures in a row it is left alone for a while, then tried once."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class BreakerPosition(enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """The wait is over: one attempt decides."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    failures_max: int = 5
    open_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """`open_until_ms` is meaningful once `failures` has reached the settings' maximum."""

    failures: int = 0
    open_until_ms: int = 0

    def position(self, settings: BreakerSettings, now_ms: int) -> BreakerPosition:
        if self.failures < settings.failures_max:
            return BreakerPosition.CLOSED
        return BreakerPosition.OPEN if now_ms < self.open_until_ms else BreakerPosition.HALF_OPEN

    def after_failure(self, settings: BreakerSettings, now_ms: int) -> Breaker:
        return Breaker(self.failures + 1, now_ms + settings.open_ms)

    def after_success(self) -> Breaker:
        return Breaker()
