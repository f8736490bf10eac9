"""The client for targets that need TLS, a proxy, credentials or redirects, made when the first of them is fetched.

aiohttp takes as long to import as all of our own modules, and most services scrape plain HTTP only.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from monitor.config.scrape_config import HttpClientConfig
from monitor.scrape.fetching.fetch import Fetcher, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from monitor.scrape.fetching.aiohttp_fetch import AiohttpClient


class FullClient:
    """What the targets of one job share."""

    def __init__(self, config: HttpClientConfig) -> None:
        self._config = config
        self._client: AiohttpClient | None = None

    async def connect(self, request: FetchRequest) -> Fetcher:
        # A thread imports: the event loop has other targets to look after.
        module = await asyncio.to_thread(import_module, "monitor.scrape.fetching.aiohttp_fetch")
        if self._client is None:
            self._client = module.AiohttpClient(self._config)
        fetcher: Fetcher = module.AiohttpFetcher(request, self._client)
        return fetcher

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


class FullFetcher:
    """See Fetcher."""

    __slots__ = ("_client", "_fetcher", "_request")

    def __init__(self, request: FetchRequest, client: FullClient) -> None:
        self._request = request
        self._client = client
        self._fetcher: Fetcher | None = None

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        """See Fetcher.fetch."""
        if self._fetcher is None:
            self._fetcher = await self._client.connect(self._request)
        return await self._fetcher.fetch(timeout_seconds)

    def close(self) -> None:
        """See Fetcher.close."""
        if self._fetcher is not None:
            self._fetcher.close()
