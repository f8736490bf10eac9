"""A Clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class ManualClock:
    """Time stands still but for `advance`, which wakes the sleepers whose time has come, in order."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = now_ms
        self._elapsed_seconds = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now_ms(self) -> int:
        return self._start_ms + round(self._elapsed_seconds * 1000)

    def monotonic_seconds(self) -> float:
        return self._elapsed_seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock; the monotonic one does not notice."""
        self._start_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_seconds + seconds, next(self._order), woken))
        self._fell_asleep.set()
        await woken

    @property
    def sleepers(self) -> int:
        """How many tasks wait for time to pass."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Moves time on by `seconds`, stopping at each sleeper on the way so that it can run."""
        end = self._elapsed_seconds + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed_seconds, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self._let_others_run()
        self._elapsed_seconds = end
        await self._let_others_run()

    async def wait_for_sleeper(self) -> None:
        """Returns as soon as some task sleeps; for work in threads, which no number of loop turns waits for."""
        while not self.sleepers:
            self._fell_asleep.clear()
            await self._fell_asleep.wait()

    async def _let_others_run(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
