"""Which client fetches a target: the lean one if it can, and the full one if it must."""

from __future__ import annotations

import asyncio

from monitor.scrape.fetching.fetch import REDIRECT_STATUSES, Fetcher, FetchRequest, FetchResponse
from monitor.scrape.fetching.full_client import FullClient, FullFetcher
from monitor.scrape.fetching.plain_http import PlainHttpFetcher


def new_fetcher(request: FetchRequest, client: FullClient) -> Fetcher:
    """`client` is that of the target's job."""
    http = request.http
    if request.unix_socket:
        return PlainHttpFetcher(request)
    has_secrets = http.basic_auth or http.authorization or http.http_headers
    if not request.url.startswith("http://") or http.proxy_url or has_secrets:
        return FullFetcher(request, client)
    if not http.follow_redirects:
        return PlainHttpFetcher(request)
    return _UntilRedirected(PlainHttpFetcher(request), FullFetcher(request, client))


class _UntilRedirected:
    """Fetches plainly until the server answers with a redirect; from then on with the client that follows it."""

    __slots__ = ("_follows", "_full", "_plain")

    def __init__(self, plain: PlainHttpFetcher, full: FullFetcher) -> None:
        self._plain = plain
        self._full = full
        self._follows = False

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        if self._follows:
            return await self._full.fetch(timeout_seconds)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        response = await self._plain.fetch(timeout_seconds)
        if response.status not in REDIRECT_STATUSES:
            return response
        self._follows = True
        self._plain.close()
        return await self._full.fetch(deadline - loop.time())

    def close(self) -> None:
        self._plain.close()
        self._full.close()
