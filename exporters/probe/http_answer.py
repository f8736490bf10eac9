"""One HTTP/1.1 request and its answer over an open connection, with limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httptools

from exporters.probe.connection import Connection
from exporters.probe.phases import Phase, PhaseClock, ProbeFailed, Reason

_HEAD_BYTES_MAX = 1 << 16
_READ_BYTES = 1 << 16
_SWITCHING_PROTOCOLS = 101


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` with the query; `host` as the Host header wants it."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def encode(self) -> bytes:
        """Headers of ours that the caller gives as well are the caller's."""
        given = {name.lower() for name in self.headers}
        ours = {"Host": self.host, "User-Agent": "plimsoll-probe", "Accept": "*/*", "Connection": "close"}
        if self.body or self.method == "POST":
            ours["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in ours.items() if name.lower() not in given]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`headers` by lower-case name, the last one if repeated. `version` is `1.1`. The body is not decompressed."""

    status: int
    version: str
    headers: Mapping[str, str]
    body: bytes


async def exchange(connection: Connection, request: HttpRequest, body_bytes_max: int, clock: PhaseClock) -> HttpAnswer:
    """Raises ProbeFailed (closed, malformed, too large) and ConnectionError."""
    parser = _AnswerParser(request.method == "HEAD")
    with clock.measure(Phase.PROCESSING):
        connection.writer.write(request.encode())
        await connection.writer.drain()
        data = await connection.reader.read(_READ_BYTES)
    with clock.measure(Phase.TRANSFER):
        while data:
            parser.feed(data)
            if parser.is_over(body_bytes_max):
                raise ProbeFailed(Reason.TOO_LARGE)
            if parser.is_complete:
                break
            data = await connection.reader.read(_READ_BYTES)
    return parser.answer()


class _AnswerParser:
    """Collects what httptools finds. Answers 1xx before the real one are passed over."""

    def __init__(self, is_head: bool) -> None:
        self.is_complete = False
        self._is_head = is_head
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._status = 0
        self._head_bytes = 0

    def feed(self, data: bytes) -> None:
        if not self._status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_complete = True
        except httptools.HttpParserError as error:
            if not self.is_complete:  # what follows a complete answer is nobody's
                raise ProbeFailed(Reason.MALFORMED) from error

    def is_over(self, body_bytes_max: int) -> bool:
        return len(self._body) > body_bytes_max or (not self._status and self._head_bytes > _HEAD_BYTES_MAX)

    def answer(self) -> HttpAnswer:
        """Raises ProbeFailed if the connection ended before the answer did."""
        ends_with_connection = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if not self.is_complete and not (self._status and ends_with_connection):
            raise ProbeFailed(Reason.CLOSED)
        return HttpAnswer(self._status, self._parser.get_http_version(), self._headers, bytes(self._body))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != _SWITCHING_PROTOCOLS:
            self._headers = {}
            return
        self._status = status
        self.is_complete = self._is_head

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        self.is_complete = self._status != 0
