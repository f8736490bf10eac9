"""HTTP/1.1 of the API: uvicorn's protocol, with a short way for what can be answered at once.

The long way to a small query costs more than the query: a task, an application called through its layers, a message
and a system call for each part of the answer. The short way is one call and one write. A client that connects anew for
every request saves the machinery of a connection, too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from monitor.api.answers import Answer

HELD_BODY_BYTES_MAX = 65_536
"""A request with more goes the long way, which has limits for its size and its time."""
_PLAIN_GET = re.compile(rb"GET (/[!-~]*+) HTTP/1\.1\r\n((?:[!#$%&'*+\-.^_`|~\w]++:[\t -~]*+\r\n)++)\r\n")
_NOT_PLAIN = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
_OPTIONAL_SPACE = b" \t"
RequestHeaders = list[tuple[bytes, bytes]]


class ShortWay(Protocol):
    def answer_at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """The answer to a whole request, if it takes less than a millisecond; None is for the long way.

        Raises nothing.
        """
        ...


class OneRequest(asyncio.Protocol):
    """A connection up to its first bytes. A whole request that wants no other behind it may be answered.

    Everything else is for an ApiProtocol, from these bytes on.
    """

    def __init__(self, short_way: ShortWay, make_protocol: Callable[[], ApiProtocol], state: ServerState) -> None:
        self._short_way = short_way
        self._make_protocol = make_protocol
        self._state = state
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        request = only_request(data)
        answer = None
        if request is not None:
            scope = _scope("GET", *request, get_remote_addr(self._transport))
            answer = self._short_way.answer_at_once(scope, b"")
        if answer is None:
            self._hand_over(data)
            return
        self._transport.write(_whole_answer(answer, self._state.default_headers, keep_alive=False))
        self._transport.close()
        self._state.total_requests += 1

    def shutdown(self) -> None:
        """uvicorn asks its connections to end."""
        self._transport.close()

    @property
    def _connections(self) -> set[Any]:
        return self._state.connections

    def _hand_over(self, data: bytes) -> None:
        self._connections.discard(self)
        protocol = self._make_protocol()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)


def only_request(data: bytes) -> tuple[bytes, RequestHeaders] | None:
    """Target and headers, if `data` is exactly one GET without a body and without anything special about it.

    It says that the connection ends with it. What is not as plain as can be is None, though it may be valid.
    """
    match = _PLAIN_GET.fullmatch(data)
    if match is None:
        return None
    target, lines = match.groups()
    fields = [line.partition(b":") for line in lines[:-2].split(b"\r\n")]
    headers = [(name.lower(), value.strip(_OPTIONAL_SPACE)) for name, _, value in fields]
    by_name = dict(headers)
    if by_name.get(b"connection", b"").lower() != b"close" or not _NOT_PLAIN.isdisjoint(by_name):
        return None
    return target, headers


class ApiProtocol(HttpToolsProtocol):
    """One connection. A request is held until it is here as a whole, then answered at once or sent the long way."""

    def __init__(self, short_way: ShortWay, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._short_way = short_way
        self._held: list[bytes] | None = None
        """What there is of the body of a request that is held."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._release()

    def on_headers_complete(self) -> None:
        if self._may_be_held():
            self._held = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
            return
        self._held.append(body)
        if sum(map(len, self._held)) > HELD_BODY_BYTES_MAX:
            self._release()

    def on_message_complete(self) -> None:
        answer = None if self._held is None else self._answer_at_once(b"".join(self._held))
        if answer is None:
            self._release()
            super().on_message_complete()
            return
        self._held = None
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self.transport.write(_whole_answer(answer, self.server_state.default_headers, keep_alive=keep_alive))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _may_be_held(self) -> bool:
        """Whether nothing is before the request, and nothing about it is special."""
        is_next = self.cycle is None or self.cycle.response_complete
        is_plain = not self.expect_100_continue and not self.parser.should_upgrade()
        return is_next and is_plain and not self.flow.write_paused and not self.transport.is_closing()

    def _answer_at_once(self, body: bytes) -> Answer | None:
        scope = _scope(self.parser.get_method().decode("ascii"), self.url, self.headers, self.client)
        return self._short_way.answer_at_once(scope, body)

    def _release(self) -> None:
        """Sends the request that is held, if one is, the long way."""
        held, self._held = self._held, None
        if held is None:
            return
        super().on_headers_complete()
        for part in held:
            super().on_body(part)


def api_protocol(short_way: ShortWay) -> Callable[..., OneRequest]:
    """What uvicorn makes its connections with."""

    def connection(**options: Any) -> OneRequest:
        return OneRequest(short_way, partial(ApiProtocol, short_way, **options), options["server_state"])

    return connection


def _scope(method: str, target: bytes, headers: RequestHeaders, client: tuple[str, int] | None) -> Scope:
    """As much of an ASGI scope as a ShortWay needs. A path stays encoded: none that is answered at once needs that."""
    path, _, query = target.partition(b"#")[0].partition(b"?")
    return {
        "type": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "query_string": query,
        "headers": headers,
        "client": client,
    }


def _whole_answer(answer: Answer, default_headers: Sequence[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
    headers = [*default_headers, *answer.all_headers()]
    if not keep_alive:
        headers.append((b"connection", b"close"))
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", *answer.pieces))
