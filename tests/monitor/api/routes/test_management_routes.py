"""Health, readiness, reloading and our own metrics."""

from __future__ import annotations

import gzip

from api_server import serving

from monitor.errors import ConfigError, Problem


def test_a_running_server_is_healthy_and_ready(api):
    for path in ("/-/healthy", "/-/ready"):
        reply = api.request("GET", path)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert api.request("HEAD", path).status == 200


def test_a_server_that_starts_is_not_ready(context):
    with serving(context, is_ready=lambda: False) as starting:
        assert starting.request("GET", "/-/ready").status == 503
        assert starting.request("GET", "/-/healthy").status == 200


def test_a_reload_is_done_once_for_each_request(context):
    done = []

    async def reload() -> None:
        done.append(True)

    with serving(context, reload=reload) as server:
        assert [server.request(method, "/-/reload").status for method in ("POST", "PUT")] == [200, 200]
        refused = server.request("GET", "/-/reload")
    assert len(done) == 2
    assert (refused.status, set(refused.headers["allow"].split(", "))) == (405, {"POST", "PUT"})


def test_a_refused_configuration_says_every_problem(context):
    async def reload() -> None:
        raise ConfigError([Problem("a.yml", 3, "global", "got x, want y"), Problem("a.yml", 4, "", "unknown")])

    with serving(context, reload=reload) as server:
        reply = server.request("POST", "/-/reload")
    assert reply.status == 500
    assert reply.body == b"failed to reload config: a.yml:3: global: got x, want y\na.yml:4: unknown\n"


def test_without_a_reload_it_is_forbidden(api):
    reply = api.request("POST", "/-/reload")
    assert (reply.status, reply.body) == (403, b"Lifecycle API is not enabled.")


def test_our_own_metrics_count_requests_by_handler_and_code(api):
    api.get("query", query="1")
    api.get("query", query="")
    api.get("label/job/values")
    text = api.request("GET", "/metrics").body.decode()
    assert 'plimsoll_http_requests_total{code="200",handler="/api/v1/query"}' in text
    assert 'plimsoll_http_requests_total{code="400",handler="/api/v1/query"}' in text
    assert 'plimsoll_http_requests_total{code="200",handler="/api/v1/label/{name}/values"}' in text
    assert "plimsoll_query_samples_total" in text
    assert "plimsoll_queries 0.0" in text


def test_metrics_come_in_the_format_and_encoding_asked_for(api):
    headers = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}
    reply = api.request("GET", "/metrics", headers=headers)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert gzip.decompress(reply.body).endswith(b"# EOF\n")
    assert api.request("GET", "/metrics").headers["content-type"].startswith("text/plain")
