"""A balancer in this process, and servers behind it that say who they are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

from alerts.autoscale.processes.balancer import Balancer
from alerts.autoscale.processes.connection import Backend
from alerts.autoscale.processes.settings import FleetSettings

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http_answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def named(name: bytes, is_open: asyncio.Event | None = None) -> Handler:
    """Answers each HTTP request with `name`; with `is_open`, not before it is set."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                if is_open is not None:
                    await is_open.wait()
                writer.write(http_answer(name))
        writer.close()

    return serve


class Harbour:
    """The balancer, its public port, and what was opened for the test."""

    def __init__(self, **settings: object) -> None:
        self.balancer = Balancer(FleetSettings("web", ("x",), "", 0, (), **settings))  # type: ignore[arg-type]
        self._stack = contextlib.AsyncExitStack()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Harbour]:
        await self.balancer.open(socket.create_server(("127.0.0.1", 0)))
        async with self._stack:
            yield self
        self.balancer.close()
        await self.settle()

    async def server(self, handler: Handler) -> Backend:
        """A server that is not behind the balancer yet."""
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        self._stack.callback(server.close)
        return Backend(server.sockets[0].getsockname()[1])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client of the balancer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.balancer.port)
        self._stack.callback(writer.close)
        return reader, writer

    async def when(self, condition: Callable[[], bool]) -> None:
        """Returns in the very turn of the loop in which `condition` has come true."""
        while True:
            if condition():
                return
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Lets everything under way on loopback arrive."""
        for _ in range(5):
            await asyncio.sleep(0.002)
