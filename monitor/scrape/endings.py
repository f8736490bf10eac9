"""What happens to the series of targets that are scraped no more."""

from __future__ import annotations

import asyncio
from collections import Counter

from monitor.model.labels import Labels
from monitor.scrape.scrape_loop import ScrapeLoop


class TargetEndings:
    """Writes stale markers for targets that went away, at the tick they would have been scraped next.

    If until then a target with the same labels turns up, in whatever job, its series go on there and get none.
    """

    def __init__(self) -> None:
        self._running: Counter[Labels] = Counter()
        self._tasks: dict[Labels, asyncio.Task[None]] = {}

    def target_started(self, labels: Labels) -> None:
        self._running[labels] += 1
        task = self._tasks.pop(labels, None)
        if task is not None:
            task.cancel()

    def target_stopped(self, loop: ScrapeLoop) -> None:
        """Begins the end of a target that has been stopped."""
        labels = loop.target.labels
        self._running[labels] -= 1
        if self._running[labels] > 0:
            return
        del self._running[labels]
        task = self._tasks[labels] = asyncio.create_task(loop.end())
        task.add_done_callback(lambda done: self._forget(labels, done))

    async def close(self) -> None:
        """Writes nothing more: at a shutdown the series go on when the service is back."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, labels: Labels, done: asyncio.Task[None]) -> None:
        if self._tasks.get(labels) is done:
            del self._tasks[labels]
