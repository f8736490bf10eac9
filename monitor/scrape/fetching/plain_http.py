"""HTTP/1.1 over one kept connection, for targets that need neither TLS nor a proxy nor secrets.

What it saves decides how much can be scraped: with uvloop a request costs 16 us of CPU for a body of 5 kB and 28 us
for 45 kB, through aiohttp 140 to 220 us. What is valid HTTP is left to llhttp (httptools), the parser of Node.js.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import SplitResult, urlsplit

import httptools

from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.fetch import FetchRequest, FetchResponse
from monitor.scrape.fetching.response_body import ResponseBody

_HTTP_PORT = 80


class PlainHttpFetcher:
    """See Fetcher. The connection stays open between fetches; if the server has closed it, another one is made."""

    __slots__ = ("_connection", "_is_closed", "_request", "_request_bytes")

    def __init__(self, request: FetchRequest) -> None:
        self._request = request
        self._request_bytes = b""
        self._connection: _Connection | None = None
        self._is_closed = False

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        """See Fetcher.fetch."""
        loop = asyncio.get_running_loop()
        connection = self._connection
        deadline = loop.time() + timeout_seconds
        if connection is not None and connection.is_open:
            try:
                return await connection.exchange(self._request_bytes, timeout_seconds)
            except _ClosedUnanswered:
                pass
        connection = self._connection = await self._connect(deadline - loop.time())
        try:
            return await connection.exchange(self._request_bytes, deadline - loop.time())
        except _ClosedUnanswered:
            raise ScrapeError(ScrapeFailure.CONNECT, "the server closed the connection without an answer") from None

    def close(self) -> None:
        """See Fetcher.close."""
        self._is_closed = True
        if self._connection is not None:
            self._connection.close()

    async def _connect(self, timeout_seconds: float) -> _Connection:
        if self._is_closed:
            raise ScrapeError(ScrapeFailure.CONNECT, "scraping of this target has been stopped")
        loop = asyncio.get_running_loop()
        request = self._request

        def new_connection() -> _Connection:
            return _Connection(loop, request)

        try:
            address = urlsplit(request.url)
            host, port = address.hostname or "", address.port or _HTTP_PORT
            self._request_bytes = encode_request(address, request.headers)
            async with asyncio.timeout(timeout_seconds):
                if request.unix_socket:
                    _, connection = await loop.create_unix_connection(new_connection, request.unix_socket)
                else:
                    _, connection = await loop.create_connection(new_connection, host, port)
        except TimeoutError:
            raise ScrapeError(ScrapeFailure.TIMEOUT, "no connection within the scrape timeout") from None
        except (OSError, ValueError) as error:
            place = request.unix_socket or request.url
            raise ScrapeError(ScrapeFailure.CONNECT, f"cannot connect for {place}: {error}") from None
        return connection


def encode_request(address: SplitResult, headers: tuple[tuple[str, str], ...]) -> bytes:
    """A GET request as it goes over the wire."""
    resource = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
    lines = [f"GET {resource} HTTP/1.1", f"Host: {address.netloc}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


class _ClosedUnanswered(Exception):
    """The connection ended before the first byte of an answer: a kept one may have been closed just then."""


class _Connection(asyncio.Protocol):
    """One connection and the answer under way on it.

    `_answer` is set from the request until its answer is complete or has failed; the other fields that describe an
    answer start anew when the parser meets a message.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_bytes_received",
        "_content_length",
        "_content_type",
        "_encoding",
        "_is_chunked",
        "_is_head_complete",
        "_keeps_alive",
        "_loop",
        "_parser",
        "_reason",
        "_request",
        "_timer",
        "_transport",
        "is_open",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, request: FetchRequest) -> None:
        self._loop = loop
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[FetchResponse] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.is_open = False
        self._bytes_received = 0
        self.on_message_begin()

    def exchange(self, request_bytes: bytes, timeout_seconds: float) -> asyncio.Future[FetchResponse]:
        """Sends a request; the result is its answer, or a ScrapeError, or _ClosedUnanswered."""
        assert self._answer is None and self._transport is not None, "BUG: got a second request, want one at a time"
        answer = self._answer = self._loop.create_future()
        self._bytes_received = 0
        self._timer = self._loop.call_later(timeout_seconds, self._time_out)
        self._transport.write(request_bytes)
        return answer

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()
            return
        self._bytes_received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ScrapeFailure.PROTOCOL, f"got malformed HTTP: {error}")
        head_bytes_max = self._request.head_bytes_max
        if not self._is_head_complete and self._bytes_received > head_bytes_max:
            self._fail(ScrapeFailure.PROTOCOL, f"got a response head of more than {head_bytes_max} bytes")

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._answer is None:
            return
        if not self._bytes_received:
            self._settle(_ClosedUnanswered())
        elif self._is_head_complete and not error and self._content_length is None and not self._is_chunked:
            self._complete()
        else:
            self._fail(ScrapeFailure.TRUNCATED, "the connection ended in the middle of the answer")

    # What the parser calls. An exception raised here would come out of feed_data wrapped, so none is.

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.close()
        self._reason = b""
        self._content_type = b""
        self._encoding = b""
        self._content_length: int | None = None
        self._is_chunked = False
        self._is_head_complete = False
        self._keeps_alive = True
        self._body: ResponseBody | None = None

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_complete:
            return
        lower_name = name.lower()
        if lower_name == b"content-type":
            self._content_type = self._content_type or value
        elif lower_name == b"content-encoding":
            self._encoding = value.strip().lower()
        elif lower_name == b"content-length":
            self._content_length = int(value)
        elif lower_name == b"transfer-encoding":
            self._is_chunked = value.lower().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        if self._answer is None or self._is_interim():
            return
        self._is_head_complete = True
        self._keeps_alive = self._parser.should_keep_alive()
        try:
            self._body = ResponseBody(self._request.body_bytes_max, self._encoding.decode("latin-1"))
            self._body.expect(self._content_length or 0)
        except ScrapeError as error:
            self._fail(error.failure, str(error))

    def on_body(self, data: bytes) -> None:
        if self._answer is None or self._body is None:
            return
        try:
            self._body.add(data)
        except ScrapeError as error:
            self._fail(error.failure, str(error))

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._is_interim():
            self._complete()

    def _is_interim(self) -> bool:
        """100 Continue and its like come before the answer. 101 is one: we never ask to switch protocols."""
        status = self._parser.get_status_code()
        return 100 <= status < 200 and status != 101

    def _complete(self) -> None:
        assert self._body is not None, "BUG: got the end of an answer before its head"
        try:
            body = self._body.finish()
        except ScrapeError as error:
            self._fail(error.failure, str(error))
            return
        response = FetchResponse(
            self._parser.get_status_code(), self._reason.decode("latin-1"), self._content_type.decode("latin-1"), body
        )
        self._settle(response)
        if not self._keeps_alive:
            self.close()

    def _time_out(self) -> None:
        self._fail(ScrapeFailure.TIMEOUT, "no complete answer within the scrape timeout")

    def _fail(self, failure: ScrapeFailure, message: str) -> None:
        """Ends the answer under way, if there is one, and the connection: what is left on it belongs to nobody."""
        if self._answer is not None:
            self._settle(ScrapeError(failure, message))
        self.close()

    def _settle(self, outcome: FetchResponse | Exception) -> None:
        answer, timer = self._answer, self._timer
        assert answer is not None and timer is not None, "BUG: got the end of an answer that nobody waits for"
        timer.cancel()
        self._answer = self._timer = self._body = None
        if answer.done():
            return
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
