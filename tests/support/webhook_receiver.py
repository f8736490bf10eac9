"""A real HTTP receiver on a free loopback port that answers as the test tells it and keeps what it got."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer; `hangs` answers never."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class WebhookReceiver:
    """Gives its `replies` in turn, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.received: list[Received] = []
        self.url = ""
        self._is_over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[WebhookReceiver]:
        application = web.Application()
        application.router.add_post("/scale", self._answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/scale"
        try:
            yield self
        finally:
            self._is_over.set()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.received.append(Received(dict(request.headers), await request.text()))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.hangs:
            await self._is_over.wait()
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
