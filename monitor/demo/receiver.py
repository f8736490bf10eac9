"""Who is told of the demo's alerts: a webhook receiver that believes only what is signed."""

from __future__ import annotations

import json
from collections.abc import Callable

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.clock import Clock
from monitor.demo.configuration import RECEIVER_PATH
from monitor.demo.snapshot import Delivery

_BODY_MAX_BYTES = 2**20


class Receiver:
    """Takes Alertmanager's webhook bodies, version 4, and calls `received` with each."""

    def __init__(self, signing_secret: str, clock: Clock, received: Callable[[Delivery], None]) -> None:
        self._signature = Webhook(signing_secret)
        self._clock = clock
        self._received = received
        application = web.Application(client_max_size=_BODY_MAX_BYTES)
        application.router.add_post(RECEIVER_PATH, self._receive)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False)

    async def start(self, port: int) -> None:
        """Listens on loopback."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        text = await request.text()
        is_verified = self._is_verified(text, dict(request.headers))
        self._received(delivery_of(text, is_verified=is_verified, at_ms=self._clock.now_ms()))
        return web.Response(status=204 if is_verified else 401)

    def _is_verified(self, text: str, headers: dict[str, str]) -> bool:
        try:
            self._signature.verify(text, {name.lower(): value for name, value in headers.items()})
        except (WebhookVerificationError, ValueError):
            return False
        return True


def delivery_of(text: str, *, is_verified: bool, at_ms: int) -> Delivery:
    """What a notification says; nothing of one that cannot be trusted."""
    if not is_verified:
        return Delivery(at_ms, "refused", (), "the signature is wrong", is_verified=False)
    body = json.loads(text)
    alerts = tuple(alert["labels"]["alertname"] for alert in body["alerts"])
    return Delivery(at_ms, body["status"], alerts, body["commonAnnotations"].get("summary", ""), is_verified=True)
