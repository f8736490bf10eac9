"""The HTTP API as one ASGI application."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.api.answers import Answer
from monitor.api.context import ApiContext
from monitor.api.cross_origin import CrossOrigin
from monitor.api.docs_routes import DocsRoutes
from monitor.api.endpoint import Endpoint, EndpointApp
from monitor.api.errors import method_not_allowed, path_not_found
from monitor.api.history.endpoints import history_endpoints
from monitor.api.routes.explain_routes import ExplainRoutes
from monitor.api.routes.management_routes import ManagementRoutes
from monitor.api.routes.query_routes import QueryRoutes
from monitor.api.routes.query_status_routes import QueryStatusRoutes
from monitor.api.routes.search_routes import SearchRoutes
from monitor.api.routes.series_routes import SeriesRoutes
from monitor.api.routes.status_routes import StatusRoutes
from monitor.api.routes.target_routes import TargetRoutes
from monitor.api.routes.write_routes import WriteRoutes


def create_api(context: ApiContext) -> Api:
    """An application for any ASGI server. It owns nothing of the context: who made it closes it."""
    endpoints = (
        *QueryRoutes(context).endpoints(),
        *QueryStatusRoutes(context).endpoints(),
        *ExplainRoutes(context).endpoints(),
        *SearchRoutes(context).endpoints(),
        *SeriesRoutes(context).endpoints(),
        *WriteRoutes(context).endpoints(),
        *StatusRoutes(context).endpoints(),
        *TargetRoutes(context).endpoints(),
        *ManagementRoutes(context).endpoints(),
        *history_endpoints(context),
        *context.endpoints,
    )
    return Api(context, (*endpoints, *DocsRoutes(context.build.version, endpoints).endpoints()))


@dataclass(frozen=True, slots=True)
class _PathPattern:
    """A path with parameters such as `/label/{name}/values`; no parameter holds a slash or is empty."""

    path: re.Pattern[str]
    methods: frozenset[str]
    app: ASGIApp


class Api:
    """All endpoints behind one look-up by path and method; those with parameters in their path are tried in order.

    Also the ShortWay of the connections' protocol.

    A framework's middleware, trying route after route, costs as much as the rest of a small query.
    """

    def __init__(self, context: ApiContext, endpoints: Iterable[Endpoint]) -> None:
        self._direct: dict[tuple[str, str], ASGIApp] = {}
        self._patterns: list[_PathPattern] = []
        self._at_once: dict[tuple[str, str], EndpointApp] = {}
        self._cross_origin = CrossOrigin(self, context.cors_origin)
        for endpoint in endpoints:
            app = EndpointApp(endpoint, context.metrics, context.clock)
            methods = answered_methods(endpoint)
            if "{" in endpoint.path:
                self._patterns.append(_PathPattern(_pattern_of(endpoint.path), methods, app))
            else:
                direct = CrossOrigin(app, context.cors_origin)
                self._direct |= {(endpoint.path, method): direct for method in methods}
            if endpoint.handler_at_once is not None:
                self._at_once |= {(endpoint.path, method): app for method in endpoint.methods}
        self._others = CrossOrigin(self._answer_others, context.cors_origin)

    def answer_at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """See ShortWay."""
        app = self._at_once.get((scope["path"], scope["method"]))
        answer = None if app is None else app.answer_at_once(scope, body)
        if answer is None:
            return None
        headers = (*answer.headers, *self._cross_origin.headers(scope))
        return Answer(answer.pieces, answer.status, answer.content_type, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", f"BUG: got a connection of type {scope['type']}, want http"
        app = self._direct.get((scope["path"], scope["method"]), self._others)
        await app(scope, receive, send)

    async def _answer_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        allowed = {known for direct, known in self._direct if direct == path}
        for pattern in self._patterns:
            found = pattern.path.fullmatch(path)
            if found and method in pattern.methods:
                scope["path_params"] = found.groupdict()
                await pattern.app(scope, receive, send)
                return
            allowed |= pattern.methods if found else frozenset()
        answer = method_not_allowed(path, method, allowed) if allowed else path_not_found(path)
        await answer(scope, receive, send)


def answered_methods(endpoint: Endpoint) -> frozenset[str]:
    """Whoever may GET may ask for the HEAD alone."""
    return frozenset((*endpoint.methods, "HEAD") if "GET" in endpoint.methods else endpoint.methods)


def _pattern_of(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    texts = [f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.compile("".join(texts))
