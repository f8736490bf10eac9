"""Target groups that stand in the configuration itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from monitor.config.scrape_config import StaticGroup


class StaticDiscovery:
    """Knows its groups from the start and nothing new ever."""

    def __init__(self, groups: tuple[StaticGroup, ...]) -> None:
        self._groups = groups

    async def updates(self) -> AsyncGenerator[tuple[StaticGroup, ...], None]:
        yield self._groups
