"""The two sides of a connection through the balancer.

A ClientSide lives as long as its client's connection; its ServerSides follow one another. Data from the client that no
server can take yet waits, within a limit, while reading from the client is paused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol, cast

from alerts.autoscale.processes.exchange import Exchanges


class Switchboard(Protocol):
    """Where client connections report and ask for a replica."""

    def opened(self, client: ClientSide) -> bool:
        """Whether there is room for one more client."""
        ...

    def closed(self, client: ClientSide) -> None: ...

    async def attach(self, client: ClientSide) -> None:
        """Finds a replica for `client`, or ends it."""
        ...


@dataclass(slots=True, eq=False)
class Backend:
    """One replica as the balancer sees it. `opening` counts connections that are not established yet."""

    port: int
    sides: set[ServerSide] = field(default_factory=set)
    opening: int = 0
    is_leaving: bool = False
    """It is to keep no connection any more."""
    is_paused: bool = False
    """It refused a connection a moment ago."""

    def connections(self) -> int:
        return len(self.sides) + self.opening


class ClientSide(asyncio.Protocol):
    """The connection of a client. `moves` counts how often it changed replicas."""

    __slots__ = (
        "_exchanges",
        "_has_ended",
        "_is_full",
        "_must_move",
        "_server",
        "_switchboard",
        "_task",
        "_transport",
        "_waiting",
        "_waiting_bytes",
        "_waiting_bytes_max",
        "moves",
    )
    _transport: asyncio.Transport

    def __init__(self, switchboard: Switchboard, *, is_http: bool, waiting_bytes_max: int) -> None:
        self._switchboard = switchboard
        self._exchanges = Exchanges() if is_http else None
        self._waiting_bytes_max = waiting_bytes_max
        self.moves = 0
        self._server: ServerSide | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._must_move = False
        self._has_ended = False
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._switchboard.opened(self):
            self._transport.abort()
        elif self._exchanges is None:
            # Who speaks first is not known. In HTTP it is the client: its replica is chosen when it does.
            self._find_server()

    def data_received(self, data: bytes) -> None:
        if self._exchanges is not None:
            self._exchanges.feed_request(data)
        if self._server is not None:
            if not self._server.transport.is_closing():
                self._server.transport.write(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._waiting_bytes_max:
            self._transport.pause_reading()
        self._find_server()

    def eof_received(self) -> bool:
        """The client has said all it will say and still listens. Without a server to listen to, that is the end."""
        self._has_ended = True
        if self._server is not None:
            self._server.end()
        return self._server is not None or self._task is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._switchboard.closed(self)
        if self._task is not None:
            self._task.cancel()
        self._leave_server(abort=error is not None)
        if self._exchanges is not None:
            self._exchanges.end()

    def pause_writing(self) -> None:
        self._is_full = True
        if self._server is not None:
            self._server.transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_full = False
        if self._server is not None:
            self._server.transport.resume_reading()

    def join(self, server: ServerSide) -> None:
        """`server` is connected: passes on what waits."""
        self._task = None
        if self.is_gone:
            server.leave(abort=True)
            return
        self._server = server
        # A connection that was under way when the drain began would hold it up with exchange after exchange.
        self._must_move = server.backend.is_leaving
        if self._waiting:
            server.transport.writelines(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
        if self._has_ended:
            server.end()
        if self._is_full:
            server.transport.pause_reading()
        self._transport.resume_reading()

    def response_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(data)
        exchanges = self._exchanges
        if exchanges is not None:
            exchanges.feed_response(data)
            if self._must_move and exchanges.is_between:
                self._move_on()

    def response_ended(self) -> bool:
        """The server has said all it will say; whether it may still listen."""
        if self._is_between:
            # What the client sends from now on is for another server, even before this one's connection is closed.
            self._leave_server(abort=False)
            return False
        if self._has_ended or self.is_gone:
            return False
        self._transport.write_eof()
        return True

    def server_lost(self, error: Exception | None) -> None:
        """Between two exchanges the client does not notice; otherwise its connection ends as the server's did."""
        self._server = None
        if self._is_between:
            self._transport.resume_reading()
        elif error is not None:
            self._transport.abort()
        else:
            self._transport.close()

    def move(self) -> None:
        """Leaves the server as soon as that cannot be noticed: now, or when the present exchange has ended."""
        if self._is_between:
            self._move_on()
        else:
            self._must_move = True

    def abort(self) -> None:
        self._transport.abort()

    def resume(self) -> None:
        """The server takes data again."""
        self._transport.resume_reading()

    def pause(self) -> None:
        self._transport.pause_reading()

    @property
    def exchanges(self) -> int:
        """How many HTTP exchanges were completed."""
        return 0 if self._exchanges is None else self._exchanges.received

    @property
    def is_gone(self) -> bool:
        return self._transport.is_closing()

    @property
    def _is_between(self) -> bool:
        return self._exchanges is not None and self._exchanges.is_between and not self._has_ended

    def _move_on(self) -> None:
        self._must_move = False
        self.moves += 1
        self._leave_server(abort=False)
        self._transport.resume_reading()

    def _leave_server(self, abort: bool) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.leave(abort)

    def _find_server(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._switchboard.attach(self))


class ServerSide(asyncio.Protocol):
    """A connection to a replica, for one client."""

    __slots__ = ("_has_left", "backend", "client", "transport")
    transport: asyncio.Transport

    def __init__(self, client: ClientSide, backend: Backend) -> None:
        self.client = client
        self.backend = backend
        self._has_left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.backend.sides.add(self)
        if self.client.is_gone:
            self.leave(abort=True)

    def data_received(self, data: bytes) -> None:
        if not self._has_left:
            self.client.response_received(data)

    def eof_received(self) -> bool:
        return not self._has_left and self.client.response_ended()

    def connection_lost(self, error: Exception | None) -> None:
        self.backend.sides.discard(self)
        if not self._has_left:
            self._has_left = True
            self.client.server_lost(error)

    def pause_writing(self) -> None:
        if not self._has_left:
            self.client.pause()

    def resume_writing(self) -> None:
        if not self._has_left:
            self.client.resume()

    def end(self) -> None:
        """The client has said all it will say."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def leave(self, abort: bool) -> None:
        """The client goes elsewhere, or has gone."""
        self._has_left = True
        if abort:
            self.transport.abort()
        else:
            self.transport.close()
