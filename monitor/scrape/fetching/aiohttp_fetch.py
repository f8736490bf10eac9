"""HTTP through aiohttp: TLS, proxies, credentials and redirects, for targets that need any of them."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from monitor.config.scrape_config import HttpClientConfig, TlsConfig
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.fetch import REDIRECT_STATUSES, FetchRequest, FetchResponse
from monitor.scrape.fetching.response_body import ResponseBody
from monitor.scrape.fetching.secret_text import read_secret, read_secret_file
from monitor.scrape.fetching.tls_context import TlsContext

REDIRECTS_MAX = 10
KEEPALIVE_SECONDS = 300.0


class AiohttpClient:
    """What the targets of one job share: the session with its connections, and the TLS context."""

    def __init__(self, config: HttpClientConfig) -> None:
        self.config = config
        self.tls = TlsContext(config.tls or TlsConfig())
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Made at first use, for it belongs to the event loop."""
        if self._session is None:
            # Each target has its own timeout, and one slow target must not make others wait for a connection.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class AiohttpFetcher:
    """See Fetcher. Credentials are read anew for each fetch and go to the target's own origin only."""

    __slots__ = ("_client", "_request")

    def __init__(self, request: FetchRequest, client: AiohttpClient) -> None:
        self._request = request
        self._client = client

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        """See Fetcher.fetch."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._fetch_following_redirects()
        except TimeoutError:
            raise ScrapeError(ScrapeFailure.TIMEOUT, "no complete answer within the scrape timeout") from None
        except aiohttp.ClientPayloadError as error:
            raise ScrapeError(ScrapeFailure.TRUNCATED, f"the answer is not complete: {error}") from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL, OSError) as error:
            raise ScrapeError(ScrapeFailure.CONNECT, f"cannot connect for {self._request.url}: {error}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise ScrapeError(ScrapeFailure.PROTOCOL, f"got malformed HTTP: {error}") from None

    def close(self) -> None:
        """See Fetcher.close. The connections belong to the client."""

    async def _fetch_following_redirects(self) -> FetchResponse:
        config = self._client.config
        if config.proxy_url.startswith("socks5:"):
            raise ScrapeError(ScrapeFailure.CONNECT, "got a socks5 proxy, want an http proxy: others are not supported")
        own_url = url = URL(self._request.url, encoded=True)
        for _ in range(REDIRECTS_MAX + 1):
            async with self._client.session().get(
                url,
                headers=self._headers(with_credentials=url.origin() == own_url.origin()),
                allow_redirects=False,
                ssl=self._client.tls.current() if url.scheme == "https" else True,
                server_hostname=(config.tls and config.tls.server_name) or None,
                proxy=config.proxy_url or None,
            ) as response:
                location = response.headers.get("Location", "")
                if response.status not in REDIRECT_STATUSES or not location or not config.follow_redirects:
                    return await self._read(response)
                url = url.join(URL(location))
        raise ScrapeError(ScrapeFailure.PROTOCOL, f"got more than {REDIRECTS_MAX} redirects in a row")

    async def _read(self, response: aiohttp.ClientResponse) -> FetchResponse:
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        body = ResponseBody(self._request.body_bytes_max, encoding)
        body.expect(response.content_length or 0)
        async for data in response.content.iter_any():
            body.add(data)
        content_type = response.headers.get("Content-Type", "")
        return FetchResponse(response.status, response.reason or "", content_type, body.finish())

    def _headers(self, with_credentials: bool) -> CIMultiDict[str]:
        headers = CIMultiDict(self._request.headers)
        if not with_credentials:
            return headers
        config = self._client.config
        if config.basic_auth is not None:
            auth = config.basic_auth
            username = read_secret_file(auth.username_file) if auth.username_file else auth.username
            pair = f"{username}:{read_secret(auth.password)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if config.authorization is not None:
            headers["Authorization"] = f"{config.authorization.type} {read_secret(config.authorization.credentials)}"
        for name, values in config.http_headers.items():
            for value in values:
                headers.add(name, read_secret(value))
        return headers
