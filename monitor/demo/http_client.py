"""Kept-alive HTTP/1.1 connections to one server, one request at a time on each; for little CPU."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

Answered = Callable[[int], None]
"""Called once with the HTTP status of the answer; NO_ANSWER if there was none."""

NO_ANSWER = 0


class ConnectionPool:
    """As many connections as there are requests under way, up to a limit.

    The connection that has been idle for longest is used next, so that all of them are used.
    """

    def __init__(self, host: str, port: int, connections_max: int) -> None:
        self._host = host
        self._port = port
        self._connections_max = connections_max
        self._idle: deque[_Connection] = deque()
        self._open: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, request: bytes, answered: Answered) -> None:
        """Sends at once where a connection is free. There is no waiting for one beyond the limit."""
        while self._idle:
            connection = self._idle.popleft()
            if connection.is_usable:
                connection.send(request, answered)
                return
        if len(self._open) + len(self._opening) >= self._connections_max:
            answered(NO_ANSWER)
            return
        task = asyncio.get_running_loop().create_task(self._send_on_new(request, answered))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def give_up(self, timeout_seconds: float) -> None:
        """Ends the connections whose answer is waited for since longer than that."""
        sent_before_seconds = asyncio.get_running_loop().time() - timeout_seconds
        for connection in list(self._open):
            if connection.is_busy and connection.sent_at_seconds < sent_before_seconds:
                connection.abort()

    async def close(self) -> None:
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in list(self._open):
            connection.abort()

    async def _send_on_new(self, request: bytes, answered: Answered) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(self._new_connection, self._host, self._port)
        except OSError:
            answered(NO_ANSWER)
            return
        connection.send(request, answered)

    def _new_connection(self) -> _Connection:
        return _Connection(opened=self._open.add, released=self._idle.append, lost=self._open.discard)


class _Connection(asyncio.Protocol):
    """`opened` is called once it is, `released` each time it can take the next request, `lost` when it is closed."""

    def __init__(
        self,
        opened: Callable[[_Connection], None],
        released: Callable[[_Connection], None],
        lost: Callable[[_Connection], None],
    ) -> None:
        self._opened = opened
        self._released = released
        self._lost = lost
        self._answered: Answered | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self.sent_at_seconds = 0.0

    @property
    def is_usable(self) -> bool:
        return not self._transport.is_closing()

    @property
    def is_busy(self) -> bool:
        return self._answered is not None

    def send(self, request: bytes, answered: Answered) -> None:
        assert self._answered is None, "BUG: got a second request, want one at a time"
        if not self.is_usable:
            answered(NO_ANSWER)
            return
        self._answered = answered
        self.sent_at_seconds = asyncio.get_running_loop().time()
        self._transport.write(request)

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_message_complete(self) -> None:
        """Called by httptools."""
        status, keeps_alive = self._parser.get_status_code(), self._parser.should_keep_alive()
        self._finish(status)
        if keeps_alive:
            self._released(self)
        else:
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._finish(NO_ANSWER)
        self._lost(self)

    def _finish(self, status: int) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status)
