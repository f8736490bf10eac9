"""The HTTP API as one FastAPI application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.api.context import ApiContext
from monitor.api.cross_origin import CrossOrigin
from monitor.api.endpoint import Endpoint, EndpointApp
from monitor.api.errors import add_error_handlers
from monitor.api.history.endpoints import history_endpoints
from monitor.api.openapi import SCHEMAS, paths_of
from monitor.api.routes.explain_routes import ExplainRoutes
from monitor.api.routes.management_routes import ManagementRoutes
from monitor.api.routes.query_routes import QueryRoutes
from monitor.api.routes.query_status_routes import QueryStatusRoutes
from monitor.api.routes.search_routes import SearchRoutes
from monitor.api.routes.series_routes import SeriesRoutes
from monitor.api.routes.status_routes import StatusRoutes
from monitor.api.routes.target_routes import TargetRoutes
from monitor.api.routes.write_routes import WriteRoutes

_DESCRIPTION = (
    "The HTTP API of Prometheus, for Grafana and everything else that speaks it, and what Plimsoll adds."
    " Every error below /api has the shape of `Error`."
)


def create_api(context: ApiContext) -> FastAPI:
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
    )
    app = _Api(context, endpoints)
    for router in context.routers:
        app.include_router(router)
    return app


class _Api(FastAPI):
    """FastAPI with our endpoints in front of it and in its OpenAPI document.

    A request for one of their paths is handed over by one look-up: passing through the middleware and trying route
    after route costs as much as the rest of a small query. What needs a pattern goes the usual way.
    """

    def __init__(self, context: ApiContext, endpoints: tuple[Endpoint, ...]) -> None:
        super().__init__(
            title="Plimsoll",
            version=context.build.version,
            description=_DESCRIPTION,
            redoc_url=None,
            redirect_slashes=False,
        )
        self._endpoints = endpoints
        self._direct: dict[tuple[str, str], ASGIApp] = {}
        for endpoint in endpoints:
            app = EndpointApp(endpoint, context.metrics, context.clock)
            self.router.routes.append(Route(endpoint.path, app, methods=list(endpoint.methods)))
            direct = CrossOrigin(app, context.cors_origin)
            self._direct |= {(endpoint.path, method): direct for method in endpoint.methods}
        add_error_handlers(self)
        self.add_middleware(CrossOrigin, origins=context.cors_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = self._direct.get((scope["path"], scope["method"])) if scope["type"] == "http" else None
        if direct is not None:
            await direct(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            document["paths"] = {**paths_of(self._endpoints), **document["paths"]}
            document.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
            self.openapi_schema = document
        return self.openapi_schema
