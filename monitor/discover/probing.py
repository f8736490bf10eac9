"""Asks addresses for well-known pages. Nothing but GET is sent, and no address takes longer than its time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from monitor.discover.evidence import Address, HttpEvidence, Page

METRICS_PATHS: Final = ("/metrics", "/actuator/prometheus", "/q/metrics", "/prometheus")
VARIABLES_PATH: Final = "/debug/vars"
PATHS: Final = (*METRICS_PATHS, VARIABLES_PATH, "/")
_HEADERS = {"Accept": "text/plain;version=0.0.4,*/*;q=0.1", "User-Agent": "plimsoll-discover"}
_KEPT_HEADERS = ("server", "x-powered-by", "via")
_REQUESTS_MAX = 2
"""For one page: one redirect is followed, such as that from /metrics to /metrics/."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """`timeout_seconds` is for one address as a whole, `addresses_at_once` how many are asked side by side."""

    timeout_seconds: float = 2.0
    body_bytes_max: int = 4 * 2**20
    addresses_at_once: int = 32


async def probe_all(addresses: Sequence[Address], limits: ProbeLimits) -> list[HttpEvidence]:
    """What each address says, in their order."""
    slots = asyncio.Semaphore(limits.addresses_at_once)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=_HEADERS) as session:

        async def probe_one(address: Address) -> HttpEvidence:
            async with slots:
                return await _probe(session, address, limits)

        return await asyncio.gather(*map(probe_one, addresses))


async def _probe(session: aiohttp.ClientSession, address: Address, limits: ProbeLimits) -> HttpEvidence:
    pages: dict[str, Page] = {}
    headers: dict[str, str] = {}
    answered = False

    async def get(path: str) -> None:
        nonlocal answered
        url = URL(f"http://{address}{path}")
        for _ in range(_REQUESTS_MAX):
            async with session.get(url, allow_redirects=False) as response:
                answered = True
                headers.update({key: response.headers[key] for key in _KEPT_HEADERS if key in response.headers})
                if response.status == 200:
                    body = await _read(response, limits.body_bytes_max)
                    pages[path] = Page(response.url.path, response.headers.get("Content-Type", ""), body)
                    return
                target = url.join(URL(response.headers.get("Location", "")))
            if response.status not in _REDIRECTS or target.origin() != url.origin():
                return
            url = target

    async def get_or_give_up(path: str) -> None:
        try:
            await get(path)
        except (aiohttp.ClientError, ValueError):
            return  # no HTTP, or gone: what was answered counts

    try:
        async with asyncio.timeout(limits.timeout_seconds):
            await get_or_give_up(PATHS[0])
            if answered:
                await asyncio.gather(*map(get_or_give_up, PATHS[1:]))
    except TimeoutError:
        pass  # what was answered in time counts
    return HttpEvidence(answered, tuple(pages[path] for path in PATHS if path in pages), headers)


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body up to a limit."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(65_536):
        parts.append(part[: bytes_max - size])
        size += len(part)
        if size >= bytes_max:
            break
    return b"".join(parts)
