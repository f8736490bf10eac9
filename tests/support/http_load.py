"""Keep-alive HTTP/1.1 clients that count what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str = "/") -> bytes:
    """One exchange on an open connection; the body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def get_once(port: int, path: str = "/") -> bytes:
    """One exchange on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await get(reader, writer, path)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class HttpLoad:
    """Connections that ask again as soon as they are answered. `bodies` counts answers, `failures` lists the rest."""

    def __init__(self, port: int, connections: int, path: str = "/") -> None:
        self._port = port
        self._connections = connections
        self._path = path
        self._is_over = False
        self._answered = asyncio.Event()
        self.bodies: Counter[bytes] = Counter()
        self.failures: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[HttpLoad]:
        """Loads inside the block; at its end every exchange that has begun is ended."""
        tasks = [asyncio.create_task(self._ask()) for _ in range(self._connections)]
        try:
            yield self
        finally:
            self._is_over = True
            await asyncio.gather(*tasks)

    async def answered(self, count: int) -> None:
        """Returns after `count` more answers."""
        end = self.bodies.total() + count
        while self.bodies.total() < end:
            self._answered.clear()
            await self._answered.wait()

    async def _ask(self) -> None:
        while not self._is_over:
            try:
                await self._ask_on_one_connection()
            except (OSError, EOFError) as error:
                self.failures.append(repr(error))
                await asyncio.sleep(0.01)

    async def _ask_on_one_connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while not self._is_over:
                self.bodies[await get(reader, writer, self._path)] += 1
                self._answered.set()
        finally:
            writer.close()
