from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asgi_client import call_now
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route
from starlette.staticfiles import StaticFiles

from exporters.asgi import MetricsMiddleware


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def fastapi_routes() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> int:
        return item_id

    @app.get("/files/{path:path}")
    async def file(path: str) -> str:
        return path

    return app


def orders_router() -> APIRouter:
    router = APIRouter(prefix="/orders")

    @router.get("/{order_id}")
    async def order(order_id: int) -> int:
        return order_id

    router.add_route("/orders/plain/{name}", answer)
    return router


def fastapi_app(static: Path) -> FastAPI:
    app = fastapi_routes()
    app.include_router(orders_router(), prefix="/v1")
    app.include_router(orders_router(), prefix="/v2/{region}")
    outer = APIRouter(prefix="/outer")
    outer.include_router(orders_router())
    app.include_router(outer)
    inner = fastapi_routes()
    inner.include_router(orders_router())
    app.mount("/inner", inner)
    app.mount("/tenants/{tenant}/app", inner)
    app.mount("/static", StaticFiles(directory=static))
    return app


def starlette_app(static: Path) -> Starlette:
    shop = [Route("/", answer), Route("/items/{item_id:int}", answer)]
    return Starlette(
        routes=[
            Route("/", answer),
            Route("/users/{name}", answer, methods=["GET"]),
            Mount("/shop", routes=shop),
            Mount("/shops/{shop}", routes=[Mount("/{floor}", routes=shop)]),
            Mount("/static", StaticFiles(directory=static)),
        ]
    )


def route_of(app: Any, path: str, **options: Any) -> tuple[str, str]:
    """The route and the status a request is counted under."""
    registry = CollectorRegistry()
    call_now(MetricsMiddleware(app, registry=registry), path, **options)
    samples = [sample for family in registry.collect() for sample in family.samples if sample.name.endswith("_count")]
    [labels] = {tuple(sorted(sample.labels.items())) for sample in samples}
    found = dict(labels)
    return found["http_route"], found["http_response_status_code"]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    (tmp_path / "a.css").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/items/7", "/items/{item_id}", "200"),
        ("/items/seven", "/items/{item_id}", "422"),
        ("/files/a/b/c", "/files/{path}", "200"),
        ("/v1/orders/7", "/v1/orders/{order_id}", "200"),
        ("/v2/eu/orders/7", "/v2/{region}/orders/{order_id}", "200"),
        ("/v1/orders/plain/x", "/v1/orders/plain/{name}", "200"),
        ("/outer/orders/7", "/outer/orders/{order_id}", "200"),
        ("/inner/items/7", "/inner/items/{item_id}", "200"),
        ("/inner/orders/7", "/inner/orders/{order_id}", "200"),
        ("/tenants/acme/app/items/7", "/tenants/{tenant}/app/items/{item_id}", "200"),
        ("/static/a.css", "/static/{path}", "200"),
        ("/static/missing.css", "/static/{path}", "404"),
        ("/docs", "/docs", "200"),
        ("/inner/docs", "/inner/docs", "200"),
        ("/nothing/7", "", "404"),
        ("/inner/nothing/7", "", "404"),
        ("/tenants/acme/app/nothing", "", "404"),
    ],
)
def test_fastapi_routes_are_templates(static: Path, path: str, route: str, status: str) -> None:
    assert route_of(fastapi_app(static), path) == (route, status)


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/", "/", "200"),
        ("/users/ann", "/users/{name}", "200"),
        ("/shop/items/7", "/shop/items/{item_id}", "200"),
        ("/shop/", "/shop/", "200"),
        ("/shops/acme/3/items/7", "/shops/{shop}/{floor}/items/{item_id}", "200"),
        ("/static/a.css", "/static/{path}", "200"),
        ("/users/ann/", "", "307"),
        ("/nothing", "", "404"),
        ("/shop/nothing", "", "404"),
    ],
)
def test_starlette_routes_are_templates(static: Path, path: str, route: str, status: str) -> None:
    assert route_of(starlette_app(static), path) == (route, status)


def test_a_wrong_method_is_counted_for_the_route(static: Path) -> None:
    assert route_of(fastapi_app(static), "/items/7", method="DELETE") == ("/items/{item_id}", "405")
    assert route_of(starlette_app(static), "/users/ann", method="POST") == ("/users/{name}", "405")


@pytest.mark.parametrize(("path", "root_path"), [("/api/items/7", "/api"), ("/items/7", "")])
def test_a_root_path_is_not_part_of_the_route(path: str, root_path: str) -> None:
    assert route_of(fastapi_routes(), path, root_path=root_path) == ("/items/{item_id}", "200")


def test_a_root_path_that_fastapi_sets_is_not_part_of_the_route() -> None:
    app = fastapi_routes()
    app.root_path = "/api"

    assert route_of(app, "/api/items/7") == ("/items/{item_id}", "200")


def test_mounts_that_cannot_be_told_have_a_placeholder_not_their_path() -> None:
    behind_host = Mount("/shops/{shop}", routes=[Route("/items/{item_id:int}", answer)])

    route, status = route_of(Starlette(routes=[Host("test", behind_host)]), "/shops/acme/items/7")

    # Starlette of before 1.0 does not tell the inner route either.
    assert route in ("/{mount}/items/{item_id}", "/{mount}/{path}")
    assert status == "200"


def test_added_as_middleware_of_the_framework_it_sees_the_same_routes(static: Path) -> None:
    registry = CollectorRegistry()
    app = fastapi_app(static)
    app.add_middleware(MetricsMiddleware, registry=registry)

    call_now(app, "/v1/orders/7")

    labels = {"http_request_method": "GET", "http_route": "/v1/orders/{order_id}", "http_response_status_code": "200"}
    assert registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1


def test_an_application_without_a_router_has_no_route() -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    assert route_of(plain, "/anything/at/all") == ("", "204")
