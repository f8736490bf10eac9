"""The only place that reads the system clock."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for timestamps, monotonic time for durations, and waiting."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z; may step when the machine's clock is set."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds from an arbitrary start; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
