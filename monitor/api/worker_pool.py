"""Work that takes too long for the event loop: in a few threads, with a bounded number waiting for one."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from monitor.config.settings import Limits
from monitor.errors import ClientOverloaded, Overloaded

Result = TypeVar("Result")

QUERY_THREADS_MIN = 2
WRITE_THREADS = 2
"""Each busy thread may keep the event loop waiting for one switch interval of the interpreter."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    client: str
    place: asyncio.Future[None]


class WorkerPool:
    """`places` pieces of work are taken at the same time, and at most `waiting_max` more wait for a place.

    One client has at most `client_max` of both; a free place goes to a waiting client that has the fewest places.
    `threads` of those taken are worked on at once; all if it is 0. `name` says what the work is in messages and names
    of threads, `setting` which setting allows more to wait. All methods belong to the event loop's thread.
    """

    def __init__(
        self, name: str, places: int, waiting_max: int, setting: str, threads: int = 0, client_max: int | None = None
    ) -> None:
        self._name = name
        self._free = places
        self._waiting_max = waiting_max
        self._client_max = client_max
        self._setting = setting
        self._waiting: list[_Waiter] = []
        self._places_of: Counter[str] = Counter()
        self._executor = ThreadPoolExecutor(threads or places, thread_name_prefix=name)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self, timeout_seconds: float | None = None, client: str = "") -> None:
        """Takes a place; `leave` gives it back.

        Raises ClientOverloaded and Overloaded at once if too many of the client's or of all wait, TimeoutError in time.
        """
        self._check_client(client)
        if self._free:
            self._free -= 1
            self._places_of[client] += 1
            return
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded(
                f"{self._name}: {len(self._waiting)} wait already, want at most {self._waiting_max} ({self._setting})"
            )
        waiter = _Waiter(client, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter.place
        except (asyncio.CancelledError, TimeoutError):
            self._give_up(waiter)
            raise

    def _check_client(self, client: str) -> None:
        if self._client_max is None:
            return
        taken = self._places_of[client] + sum(waiter.client == client for waiter in self._waiting)
        if taken >= self._client_max:
            raise ClientOverloaded(
                f"{self._name}: client {client} has {taken} already, want at most {self._client_max} (client_queries)"
            )

    def leave(self, client: str = "") -> None:
        self._places_of[client] -= 1
        if not self._places_of[client]:
            del self._places_of[client]
        self._waiting = [waiter for waiter in self._waiting if not waiter.place.done()]
        if not self._waiting:
            self._free += 1
            return
        # min() takes the first of equals, so that of one client's the oldest is next.
        chosen = min(self._waiting, key=lambda waiter: self._places_of[waiter.client])
        self._waiting.remove(chosen)
        self._places_of[chosen.client] += 1
        chosen.place.set_result(None)

    def _give_up(self, waiter: _Waiter) -> None:
        """A place that was given to somebody who no longer wants it goes to the next."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.place.done() and not waiter.place.cancelled():
            self.leave(waiter.client)

    def start(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Does `work` in a thread. The caller has a place."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """Waits for the work under way; what waits fails."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def query_pool(limits: Limits) -> WorkerPool:
    """For everything that reads the store. More threads than cores would only take turns at the interpreter."""
    threads = min(limits.queries, max(QUERY_THREADS_MIN, os.cpu_count() or 1))
    return WorkerPool(
        "queries", limits.queries, limits.waiting_queries, "waiting_queries", threads, client_max=limits.client_queries
    )


def history_pool(limits: Limits) -> WorkerPool:
    """For what takes long and may wait: exports, imports, deletions, snapshots."""
    return WorkerPool("history", limits.history_requests, limits.waiting_history_requests, "waiting_history_requests")


def write_pool(limits: Limits) -> WorkerPool:
    """For remote write. Most of a request's time goes into its body and the disk, so a few threads serve many."""
    waiting_max = limits.waiting_write_requests
    return WorkerPool("remote write", limits.write_requests, waiting_max, "waiting_write_requests", WRITE_THREADS)
