"""Work that takes too long for the event loop: in a few threads, with a bounded number waiting for one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from monitor.config.settings import Limits
from monitor.errors import Overloaded

Result = TypeVar("Result")

WRITE_THREADS = 2
"""Each busy thread may keep the event loop waiting for one switch interval of the interpreter."""


class WorkerPool:
    """`places` pieces of work are taken at the same time, and at most `waiting_max` more wait for a place.

    `threads` of those taken are worked on at once; all if it is 0. `name` says what the work is in messages and names
    of threads, `setting` which setting allows more to wait. All methods belong to the event loop's thread.
    """

    def __init__(self, name: str, places: int, waiting_max: int, setting: str, threads: int = 0) -> None:
        self._name = name
        self._free = places
        self._waiting_max = waiting_max
        self._setting = setting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._executor = ThreadPoolExecutor(threads or places, thread_name_prefix=name)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self, timeout_seconds: float | None = None) -> None:
        """Takes a place; `leave` gives it back. Raises Overloaded at once if too many wait, TimeoutError in time."""
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded(
                f"{self._name}: {len(self._waiting)} wait already, want at most {self._waiting_max} ({self._setting})"
            )
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(timeout_seconds):
                await place
        except (asyncio.CancelledError, TimeoutError):
            self._give_up(place)
            raise

    def leave(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _give_up(self, place: asyncio.Future[None]) -> None:
        """A place that was given to somebody who no longer wants it goes to the next."""
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.done() and not place.cancelled():
            self.leave()

    def start(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Does `work` in a thread. The caller has a place."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """Waits for the work under way; what waits fails."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def query_pool(limits: Limits) -> WorkerPool:
    """For everything that reads the store."""
    return WorkerPool("queries", limits.queries, limits.waiting_queries, "waiting_queries")


def write_pool(limits: Limits) -> WorkerPool:
    """For remote write. Most of a request's time goes into its body and the disk, so a few threads serve many."""
    waiting_max = limits.waiting_write_requests
    return WorkerPool("remote write", limits.write_requests, waiting_max, "waiting_write_requests", WRITE_THREADS)
