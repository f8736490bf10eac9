"""Cross-origin calls from browsers, allowed as Prometheus allows them (util/httputil/cors.go)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.api.answers import Headers
from monitor.api.errors import API_PREFIX
from monitor.config.anchored_pattern import AnchoredPattern

_VARY = (b"vary", b"Origin")
_CORS = (
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Origin"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-expose-headers", b"Date"),
)


class CrossOrigin:
    """Adds the headers to answers below /api/, and answers OPTIONS there. `origins` is an anchored regex."""

    def __init__(self, app: ASGIApp, origins: str) -> None:
        self._app = app
        self._origins = AnchoredPattern(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API_PREFIX):
            await self._app(scope, receive, send)
            return
        added = self.headers(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        if scope["method"] == "OPTIONS":
            await send_with_headers({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            return
        await self._app(scope, receive, send_with_headers)

    def headers(self, scope: Scope) -> Headers:
        """What the answer to a request below /api/ gets."""
        origin: bytes = dict(scope["headers"]).get(b"origin", b"")
        if not origin:
            return (_VARY,)
        if not self._origins.matches(origin.decode("latin-1")):
            return (_VARY, *_CORS)
        return (_VARY, *_CORS, (b"access-control-allow-origin", origin))
