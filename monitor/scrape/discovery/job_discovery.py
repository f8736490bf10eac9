"""All target groups of one job, from all of its discoveries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from prometheus_client import Counter

from monitor.clock import Clock
from monitor.config.scrape_config import ScrapeConfig, StaticGroup
from monitor.scrape.discovery.file_sd import FileSdDiscovery
from monitor.scrape.discovery.static import StaticDiscovery

_Groups = tuple[StaticGroup, ...]


class Discovery(Protocol):
    """One way to find target groups."""

    def updates(self) -> AsyncGenerator[tuple[StaticGroup, ...], None]:
        """All groups at the start, and all groups again whenever they change. Ends when they never will."""
        ...


def discoveries_of(config: ScrapeConfig, clock: Clock, read_errors: Counter) -> tuple[Discovery, ...]:
    """What a job asks for, one discovery for each section."""
    files = (FileSdDiscovery(section, clock, read_errors) for section in config.file_sd_configs)
    return (StaticDiscovery(config.static_configs), *files)


async def merged_updates(discoveries: Sequence[Discovery]) -> AsyncGenerator[_Groups, None]:
    """The groups of all discoveries together, in their order: once all have spoken, and whenever one has news.

    Ends when all have ended. Closing it, or cancelling the task that reads it, stops the discoveries.
    """
    iterators = [discovery.updates() for discovery in discoveries]
    index_by_task = {_next(iterator): index for index, iterator in enumerate(iterators)}
    groups_by_index: dict[int, _Groups] = {}
    try:
        while index_by_task:
            done, _ = await asyncio.wait(index_by_task, return_when=asyncio.FIRST_COMPLETED)
            news = {index_by_task.pop(task): task.result() for task in done}
            changed = {index: groups for index, groups in news.items() if groups is not None}
            groups_by_index.update(changed)
            index_by_task.update({_next(iterators[index]): index for index in changed})
            if changed and len(groups_by_index) == len(discoveries):
                yield tuple(group for index in sorted(groups_by_index) for group in groups_by_index[index])
    finally:
        for task in index_by_task:
            task.cancel()
        await asyncio.gather(*index_by_task, return_exceptions=True)
        for iterator in iterators:
            await iterator.aclose()


def _next(iterator: AsyncGenerator[_Groups, None]) -> asyncio.Task[_Groups | None]:
    """What the iterator gives next; None if it has ended."""

    async def take() -> _Groups | None:
        return await anext(iterator, None)

    return asyncio.create_task(take())
