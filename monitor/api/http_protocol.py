"""HTTP/1.1 of the API: uvicorn's protocol, with a short way for what can be answered at once.

The long way to a small query costs more than the query: a task, an application called through its layers, a message
and a system call for each part of the answer. The short way is one call and one write.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from monitor.api.answers import Answer

HELD_BODY_BYTES_MAX = 65_536
"""A request with more goes the long way, which has limits for its size and its time."""


class ShortWay(Protocol):
    def answer_at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """The answer to a whole request, if it takes less than a millisecond; None is for the long way.

        Raises nothing.
        """
        ...


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
        headers = [*self.server_state.default_headers, *answer.all_headers()]
        if not keep_alive:
            headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", *answer.pieces)))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _may_be_held(self) -> bool:
        """Whether nothing is before the request, and nothing about it is special."""
        is_next = self.cycle is None or self.cycle.response_complete
        is_plain = not self.expect_100_continue and not self.parser.should_upgrade()
        return is_next and is_plain and not self.flow.write_paused and not self.transport.is_closing()

    def _answer_at_once(self, body: bytes) -> Answer | None:
        path, _, query = self.url.partition(b"?")
        scope = {**self.scope, "method": self.parser.get_method().decode("ascii")}
        scope |= {"path": path.decode("latin-1"), "query_string": query.partition(b"#")[0]}
        return self._short_way.answer_at_once(scope, body)

    def _release(self) -> None:
        """Sends the request that is held, if one is, the long way."""
        held, self._held = self._held, None
        if held is None:
            return
        super().on_headers_complete()
        for part in held:
            super().on_body(part)


def api_protocol(short_way: ShortWay) -> Callable[..., ApiProtocol]:
    """What uvicorn makes its connections with."""
    return partial(ApiProtocol, short_way)
