"""Calls an ASGI application as a server does, without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]


async def call(
    app: Callable[..., Awaitable[None]],
    path: str = "/",
    *,
    method: str = "GET",
    root_path: str = "",
    send_error: Exception | None = None,
    disconnects: bool = False,
) -> list[Message]:
    """The messages the application sent. `send_error` is raised to it instead, as for a client that is gone."""
    sent: list[Message] = []

    requests = iter([{"type": "http.disconnect"} if disconnects else {"type": "http.request", "body": b""}])

    async def receive() -> Message:
        for message in requests:
            return message
        await asyncio.Event().wait()  # as a server does until the client goes
        raise AssertionError

    async def send(message: Message) -> None:
        if send_error:
            raise send_error
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return sent


def call_now(app: Callable[..., Awaitable[None]], path: str = "/", **options: Any) -> list[Message]:
    return asyncio.run(call(app, path, **options))
