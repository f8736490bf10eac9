from __future__ import annotations

import pytest

from exporters.access_log.routes import Routes, RouteSettings


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/", "/"),
        ("/product/17", "/product/{id}"),
        ("/product/17/review/3?sort=1", "/product/{id}/review/{id}"),
        ("/v2/product", "/v2/product"),
        ("/order/2f1c0a52-6f6e-4c2b-9c7e-1b2a3c4d5e6f#top", "/order/{id}"),
        ("/blob/0123456789abcdef0123", "/blob/{id}"),
        ("/session/AbCdEfGhIjKlMnOpQrStUv1234", "/session/{id}"),
        ("http://shop:8080/product/17", "/product/{id}"),
        ("*", ""),
        ("shop:443", ""),
        ("", ""),
    ],
)
def test_identifiers_in_a_path_become_one_route(target: str, route: str) -> None:
    assert Routes().route_of(target, "200") == route


def test_a_route_is_known_from_its_first_answer_that_is_no_client_error() -> None:
    routes = Routes()
    statuses = ["404", "200", "404"]

    assert [routes.route_of("/product/1", status) for status in statuses] == ["", "/product/{id}", "/product/{id}"]


def test_beyond_the_limit_a_route_is_other() -> None:
    routes = Routes(RouteSettings(routes_max=2))

    assert [routes.route_of(path, "200") for path in ("/a", "/b", "/c", "/a")] == ["/a", "/b", "_OTHER", "/a"]


def test_with_templates_nothing_else_is_a_route() -> None:
    routes = Routes(RouteSettings(templates=("/product/{id}", "/pay")))

    assert [routes.route_of(path, "200") for path in ("/product/blue", "/pay?x", "/product/1/2", "/")] == [
        *("/product/{id}", "/pay"),
        *("", ""),
    ]
