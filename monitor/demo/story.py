"""What happens to the shop: a quiet time, a flash sale, and the tail of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

SECONDS_MIN = 60.0
"""Shorter than that the sale would end before the alert has fired, more processes have started and it has resolved."""

QUIET_RATE = 50.0
SPIKE_RATE = 350.0
"""Requests a second: half of what one process carries (monitor/demo/shop.py), and three and a half times that."""

_QUIET_RATIO, _SPIKE_RATIO = 0.15, 0.45


class Phase(enum.Enum):
    QUIET = "quiet"
    SPIKE = "flash sale"
    TAIL = "tail"


@dataclass(frozen=True, slots=True)
class Story:
    """Moments are seconds since its start. The tail has no end of its own: it goes on for as long as the demo does."""

    seconds: float
    spike_from_seconds: float
    spike_to_seconds: float

    @classmethod
    def lasting(cls, seconds: float) -> Story:
        """`seconds` from the first quiet request to the end of the tail, at least SECONDS_MIN."""
        assert seconds >= SECONDS_MIN, f"BUG: got {seconds:g} s, want at least {SECONDS_MIN:g}"
        return cls(seconds, seconds * _QUIET_RATIO, seconds * (_QUIET_RATIO + _SPIKE_RATIO))

    def phase(self, at_seconds: float) -> Phase:
        if at_seconds < self.spike_from_seconds:
            return Phase.QUIET
        return Phase.SPIKE if at_seconds < self.spike_to_seconds else Phase.TAIL


def rate_of(phase: Phase) -> float:
    """Requests a second."""
    return SPIKE_RATE if phase is Phase.SPIKE else QUIET_RATE
