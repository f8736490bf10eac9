"""Asks addresses for well-known pages. Nothing but GET is sent, and no address takes longer than its time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from monitor.discover.evidence import LOOPBACK, LOOPBACK_IPV6, Address, HttpEvidence, Page

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
    """What each address says, in their order. Certificates are not checked: what is there is looked at, not trusted."""
    slots = asyncio.Semaphore(limits.addresses_at_once)
    connector = aiohttp.TCPConnector(limit=0, force_close=True, ssl=False)
    async with aiohttp.ClientSession(connector=connector, headers=_HEADERS) as session:

        async def probe_one(address: Address) -> HttpEvidence:
            async with slots:
                return await _probe(session, address, limits)

        return await asyncio.gather(*map(probe_one, addresses))


async def probe_listening(addresses: Sequence[Address], limits: ProbeLimits) -> list[tuple[Address, HttpEvidence]]:
    """What each address says that is known to listen, and where it was asked.

    What listens on :: is asked at 127.0.0.1. If that refuses, it takes IPv6 only, and is asked at ::1.
    """
    answers = await probe_all(addresses, limits)
    refused = [
        address
        for address, answer in zip(addresses, answers, strict=True)
        if answer.is_refused and address.host == LOOPBACK
    ]
    others = [Address(LOOPBACK_IPV6, address.port) for address in refused]
    again = dict(zip(refused, zip(others, await probe_all(others, limits), strict=True), strict=True))
    return [again.get(address, (address, answer)) for address, answer in zip(addresses, answers, strict=True)]


@dataclass(slots=True)
class _Answers:
    """What an address has said so far over one scheme."""

    url: URL
    is_refused: bool = False
    statuses: set[int] = field(default_factory=set)
    pages: dict[str, Page] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def may_want_tls(self) -> bool:
        """Go, nginx and Apache answer 400 to plain HTTP where they want TLS, others break off."""
        return not self.is_refused and self.statuses <= {400}

    def evidence(self) -> HttpEvidence:
        return HttpEvidence(
            speaks_http=bool(self.statuses),
            pages=tuple(self.pages[path] for path in PATHS if path in self.pages),
            headers=self.headers,
            is_tls=self.url.scheme == "https",
            is_refused=self.is_refused and not self.statuses,
        )


async def _probe(session: aiohttp.ClientSession, address: Address, limits: ProbeLimits) -> HttpEvidence:
    plain, secured = _Answers(URL(f"http://{address}")), _Answers(URL(f"https://{address}"))
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            await _ask(session, plain, limits)
            if plain.may_want_tls:
                await _ask(session, secured, limits)
    except TimeoutError:
        pass  # what was answered in time counts
    return (secured if secured.statuses else plain).evidence()


async def _ask(session: aiohttp.ClientSession, answers: _Answers, limits: ProbeLimits) -> None:
    """All pages, or only the first if that gives no HTTP answer."""

    async def get_or_give_up(path: str) -> None:
        try:
            await _get(session, answers, path, limits)
        except aiohttp.ClientConnectorError:
            answers.is_refused = True
        except (aiohttp.ClientError, ValueError):
            return  # no HTTP, or gone: what was answered counts

    await get_or_give_up(PATHS[0])
    if answers.statuses:
        await asyncio.gather(*map(get_or_give_up, PATHS[1:]))


async def _get(session: aiohttp.ClientSession, answers: _Answers, path: str, limits: ProbeLimits) -> None:
    url = answers.url.join(URL(path))
    for _ in range(_REQUESTS_MAX):
        async with session.get(url, allow_redirects=False) as response:
            answers.statuses.add(response.status)
            answers.headers |= {key: response.headers[key] for key in _KEPT_HEADERS if key in response.headers}
            if response.status == 200:
                body = await _read(response, limits.body_bytes_max)
                answers.pages[path] = Page(response.url.path, response.headers.get("Content-Type", ""), body)
                return
            target = url.join(URL(response.headers.get("Location", "")))
        if response.status not in _REDIRECTS or target.origin() != url.origin():
            return
        url = target


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body up to a limit."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(65_536):
        parts.append(part[: bytes_max - size])
        size += len(part)
        if size >= bytes_max:
            break
    return b"".join(parts)
