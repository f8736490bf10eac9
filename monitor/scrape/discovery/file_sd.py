"""Target groups in files that are watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from prometheus_client import CollectorRegistry, Counter

from monitor.clock import Clock
from monitor.config.scrape_config import FileDiscovery, StaticGroup
from monitor.scrape.discovery.target_files import TargetFiles

POLL_INTERVAL_SECONDS = 1.0


def read_errors_counter(registry: CollectorRegistry) -> Counter:
    """Counts files of targets that could not be read; one for all discoveries of a process."""
    return Counter("plimsoll_sd_file_read_errors", "Files of target groups that could not be read.", registry=registry)


class FileSdDiscovery:
    """Looks at its files every `poll_interval_seconds`. Reading happens in a thread: a network disk may hang."""

    def __init__(
        self,
        config: FileDiscovery,
        clock: Clock,
        read_errors: Counter,
        poll_interval_seconds: float = POLL_INTERVAL_SECONDS,
    ) -> None:
        self._files = TargetFiles(config, read_errors)
        self._clock = clock
        self._poll_interval_seconds = poll_interval_seconds

    async def updates(self) -> AsyncGenerator[tuple[StaticGroup, ...], None]:
        """The groups at the start, even if there are none, and then whenever they are other ones. Never ends."""
        await self._poll()
        yield self._files.groups
        while True:
            await self._clock.sleep(self._poll_interval_seconds)
            if await self._poll():
                yield self._files.groups

    async def _poll(self) -> bool:
        return await asyncio.to_thread(self._files.poll, self._clock.monotonic_seconds())
