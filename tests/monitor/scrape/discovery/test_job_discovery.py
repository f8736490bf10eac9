from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from manual_clock import ManualClock
from prometheus_client import CollectorRegistry

from monitor.config.scrape_config import FileDiscovery, ScrapeConfig, StaticGroup
from monitor.scrape.discovery.file_sd import FileSdDiscovery, read_errors_counter
from monitor.scrape.discovery.job_discovery import discoveries_of, merged_updates
from monitor.scrape.discovery.static import StaticDiscovery

Groups = tuple[StaticGroup, ...]


def groups(*addresses: str) -> Groups:
    return tuple(StaticGroup((address,)) for address in addresses)


def first_targets(found: Groups) -> list[str]:
    return [group.targets[0] for group in found]


class QueueDiscovery:
    """Yields what a test puts into it; None ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Groups | None] = asyncio.Queue()
        self.closed = False

    async def updates(self) -> AsyncGenerator[Groups, None]:
        try:
            while (found := await self.queue.get()) is not None:
                yield found
        finally:
            self.closed = True


def test_static_groups_come_once():
    async def collect() -> list[Groups]:
        return [found async for found in merged_updates([StaticDiscovery(groups("a", "b"))])]

    assert asyncio.run(collect()) == [groups("a", "b")]


def test_groups_of_all_discoveries_come_together_once_all_have_spoken():
    async def scenario() -> list[list[str]]:
        first, second = QueueDiscovery(), QueueDiscovery()
        seen = []
        async with aclosing(merged_updates([first, second])) as updates:
            await second.queue.put(groups("b"))
            pending = asyncio.create_task(anext(updates))
            await asyncio.sleep(0.01)
            assert not pending.done()
            await first.queue.put(groups("a"))
            seen.append(first_targets(await pending))
            await second.queue.put(groups("c"))
            seen.append(first_targets(await anext(updates)))
        assert (first.closed, second.closed) == (True, True)
        return seen

    assert asyncio.run(scenario()) == [["a", "b"], ["a", "c"]]


def test_updates_end_when_all_discoveries_have_ended():
    async def collect() -> list[Groups]:
        source = QueueDiscovery()
        for item in (groups("a"), groups("b"), None):
            source.queue.put_nowait(item)
        return [found async for found in merged_updates([source, StaticDiscovery(())])]

    assert asyncio.run(collect())[-1] == groups("b")


def test_an_error_of_a_discovery_reaches_the_reader():
    class Broken:
        async def updates(self) -> AsyncGenerator[Groups, None]:
            raise RuntimeError("boom")
            yield ()

    async def read() -> None:
        async for _ in merged_updates([Broken(), QueueDiscovery()]):
            pass

    with pytest.raises(RuntimeError, match="boom"):
        asyncio.run(read())


def test_a_watched_file_yields_when_it_changes(tmp_path):
    async def scenario() -> list[list[str]]:
        clock = ManualClock()
        file = tmp_path / "t.json"
        config = FileDiscovery((str(file),))
        discovery = FileSdDiscovery(config, clock, read_errors_counter(CollectorRegistry()))
        async with aclosing(discovery.updates()) as updates:
            seen = [first_targets(await anext(updates))]
            file.write_text(json.dumps([{"targets": ["a"]}]))
            pending = asyncio.ensure_future(anext(updates))
            await clock.wait_for_sleeper()
            await clock.advance(1.0)
            seen.append(first_targets(await pending))
        return seen

    assert asyncio.run(asyncio.wait_for(scenario(), 5)) == [[], ["a"]]


def test_a_file_that_stays_as_it_is_yields_nothing(tmp_path):
    async def scenario() -> bool:
        clock = ManualClock()
        discovery = FileSdDiscovery(
            FileDiscovery((str(tmp_path / "*.json"),)), clock, read_errors_counter(CollectorRegistry())
        )
        updates = discovery.updates()
        await anext(updates)
        pending = asyncio.ensure_future(anext(updates))
        for _ in range(3):
            await clock.wait_for_sleeper()
            await clock.advance(1.0)
        await clock.wait_for_sleeper()
        is_quiet = not pending.done()
        pending.cancel()
        return is_quiet

    assert asyncio.run(asyncio.wait_for(scenario(), 5))


def test_a_job_has_a_discovery_for_its_static_groups_and_each_file_section():
    config = ScrapeConfig("a", 1, 1, file_sd_configs=(FileDiscovery(("x.json",)), FileDiscovery(("y.json",))))

    found = discoveries_of(config, ManualClock(), read_errors_counter(CollectorRegistry()))

    assert [type(discovery) for discovery in found] == [StaticDiscovery, FileSdDiscovery, FileSdDiscovery]
