"""Queries and clients that ask for too much."""

from __future__ import annotations

import threading
import time

import pytest
from api_server import open_context, serving

from monitor.config.settings import Limits

HOSTILE = {
    "nested": "(" * 90_000 + "1" + ")" * 90_000,
    "open": "abs(" * 50_000,
    "sum": "1" + "+1" * 99_000,
    "minus": "-" * 199_000 + "1",
    "long": "up" + " " * 200_000,
    "regex repeats": 'up{a=~"' + "(((a{100}){100}){100}){100}" + '"}',
    "regex open": 'up{a=~"' + "(.{1000}" * 20_000 + '"}',
    "digits": "1" * 199_000,
    "durations": "up[" + "1h" * 90_000 + "]",
}
"""Each is refused, and none may take long."""


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["query", "format_query", "parse_query"])
def test_a_hostile_expression_is_refused_quickly(api, name, path):
    began = time.process_time()
    reply = api.post(path, query=HOSTILE[name])

    assert (reply.status, reply.json["errorType"]) == (400, "bad_data")
    # About 0.2 s for the slowest.
    assert time.process_time() - began < 3


def test_an_expression_over_its_settings_is_refused_by_their_names(tmp_path):
    limits = Limits(expression_length=20, expression_depth=5)
    with open_context(tmp_path, limits) as context, serving(context) as client:
        length, depth = client.get("query", query="1 + " * 5 + "1"), client.get("query", query="((((((1))))))")
    assert "expression has 21 characters, at most 20 are allowed (expression_length)" in length.json["error"]
    assert "nested more than 5 levels deep (expression_depth)" in depth.json["error"]


def test_a_query_that_costs_too_much_is_refused_with_the_estimate(tmp_path):
    samples = {at * 1000: 1.0 for at in range(1000)}
    limits = Limits(query_window_samples=1_000_000)
    with open_context(tmp_path, limits) as context, serving(context) as client:
        client.write([({"__name__": "a", "i": f"{i}"}, samples) for i in range(20)])
        reply = client.get("query_range", query="sum(rate(a[10m]))", start="0", end="1000", step="5", stats="all")
    assert (reply.status, reply.json["errorType"]) == (422, "execution")
    assert reply.json["error"].startswith("the query would need about 1,507,")
    assert "(20 series x 375 samples in a window x 201 steps in a[10m])" in reply.json["error"]
    assert reply.json["error"].endswith("want at most 1,000,000 (query_window_samples)")


@pytest.mark.parametrize(
    ("limits", "query", "setting"),
    [
        (Limits(query_samples=10), "a", "query_samples"),
        (Limits(query_values=10), "a", "query_values"),
        (Limits(query_points=10), "a", "query_points"),
    ],
)
def test_every_limit_names_its_setting(tmp_path, limits, query, setting):
    with open_context(tmp_path, limits) as context, serving(context) as client:
        client.write([({"__name__": "a"}, {at * 1000: 1.0 for at in range(100)})])
        reply = client.get("query_range", query=query, start="0", end="100", step="1")
    assert reply.status == 422
    assert f"({setting})" in reply.json["error"]


def test_a_client_is_refused_beyond_its_share_and_another_is_not(tmp_path):
    """Who asks is told by a header here."""
    limits = Limits(queries=1, client_queries=2, client_header="X-Client", query_timeout_ms=20_000)
    slow = " or ".join(f"label_replace(vector(time() * {i} % 7), 'i', '{i}', '', '')" for i in range(100))
    path = f"/api/v1/query_range?query={slow}&start=0&end=7200&step=1".replace(" ", "%20")
    with open_context(tmp_path, limits) as context, serving(context) as client:

        def ask(name: str) -> threading.Thread:
            thread = threading.Thread(target=client.request, args=("GET", path, None, {"X-Client": name}))
            thread.start()
            return thread

        threads = [ask("greedy"), ask("greedy")]
        deadline = time.monotonic() + 20
        while len(context.records.running.all()) < 2:
            assert time.monotonic() < deadline
        refused = client.request("GET", "/api/v1/query?query=1", None, {"X-Client": "greedy"})
        threads.append(ask("modest"))
        while len(context.records.running.all()) < 3:
            assert time.monotonic() < deadline
        clients = [query.asked.client for query in context.records.running.all()]
        while context.records.running.all():
            for query in context.records.running.all():
                context.records.running.cancel(query.query_id)
        for thread in threads:
            thread.join(20)
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    assert refused.json["error"] == "queries: client greedy has 2 already, want at most 2 (client_queries)"
    assert clients == ["greedy", "greedy", "modest"]
