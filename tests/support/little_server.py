"""Servers on loopback whose every byte the test decides."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class LittleServer:
    """Answers each request with `answers[path]`: raw bytes, or a handler that has read the request's head already."""

    port: int = 0
    answers: dict[str, bytes | Handler] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def url(self, path: str = "/metrics") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head)
                answer = self.answers[head.split(" ")[1]]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
                if writer.is_closing():
                    return

    def drop_connections(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@contextlib.asynccontextmanager
async def little_server(
    host: str = "127.0.0.1", unix_path: str = "", tls: ssl.SSLContext | None = None, **answers: bytes | Handler
) -> AsyncIterator[LittleServer]:
    """Paths are the names of the arguments."""
    server = LittleServer(answers={f"/{name}": answer for name, answer in answers.items()})
    if unix_path:
        listener = await asyncio.start_unix_server(server.serve, unix_path, limit=2**20)
    else:
        listener = await asyncio.start_server(server.serve, host, 0, limit=2**20, ssl=tls)
        server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.drop_connections()
        await listener.wait_closed()
        # Handlers see that their connections are gone, and end.
        for _ in range(5):
            await asyncio.sleep(0)


def response(
    body: bytes, content_type: str = "text/plain; version=0.0.4", status: str = "200 OK", **headers: str
) -> bytes:
    """An HTTP answer with a length."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
