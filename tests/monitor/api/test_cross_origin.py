"""Calls from pages of other origins."""

from __future__ import annotations

import pytest
from api_server import serving

ORIGIN = "https://grafana.example"


@pytest.mark.parametrize(
    "path", ["/api/v1/query?query=1", "/api/v1/query?query=", "/api/v1/nope", "/api/v1/label/a/values"]
)
def test_every_answer_of_the_api_tells_the_origin_that_it_may_read_it(api, path):
    headers = api.request("GET", path, headers={"Origin": ORIGIN}).headers
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-allow-headers"] == "Accept, Authorization, Content-Type, Origin"
    assert headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert headers["access-control-expose-headers"] == "Date"
    assert headers["vary"] == "Origin"


def test_without_an_origin_only_vary_is_there(api):
    headers = api.get("query", query="1").headers
    assert headers["vary"] == "Origin"
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/label/job/values", "/api/v1/anything"])
def test_a_preflight_has_no_body(api, path):
    reply = api.request("OPTIONS", path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == ORIGIN


def test_only_the_origins_that_are_allowed_are_named(context):
    with serving(context, cors_origin=r"https?://(a|b)\.example") as server:

        def allowed(origin: str) -> str | None:
            return server.request("GET", "/api/v1/query?query=1", headers={"Origin": origin}).headers.get(
                "access-control-allow-origin"
            )

        assert allowed("https://a.example") == "https://a.example"
        assert allowed("https://a.example.evil") is None


def test_outside_of_the_api_nothing_is_said(api):
    headers = api.request("GET", "/-/healthy", headers={"Origin": ORIGIN}).headers
    assert "access-control-allow-origin" not in headers
