"""Queries under way, slow queries, and ending one."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import quote

import orjson
import pytest
from api_server import ApiClient, open_context, serving

from monitor.api.history.context import HistoryContext
from monitor.config.settings import Limits
from monitor.errors import StorageError
from monitor.history.metric_usage import MetricUsage

SLOW = " or ".join(f"label_replace(vector(time() * {i} % 7), 'i', '{i}', '', '')" for i in range(100))
"""Some seconds over 7 200 steps, and not in one piece."""
RANGE = {"start": "0", "end": "7200", "step": "1"}


def wait_until(is_true) -> None:
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def active(client: ApiClient) -> list:
    return client.get("status/active_queries").data["queries"]


def slow(client: ApiClient) -> list:
    return client.get("status/slow_queries").data["queries"]


@pytest.fixture
def server(tmp_path):
    with open_context(tmp_path / "data", Limits(slow_query_ms=1, slow_queries=3, queries=1)) as context:
        context.records.log.open(tmp_path / "queries.log")
        usage = MetricUsage(context.clock)
        history = HistoryContext(context.store, True, context.writes, usage, list)
        with serving(context, history=history) as client:
            yield client
        context.records.log.close()


def in_background(client: ApiClient, replies: list) -> threading.Thread:
    thread = threading.Thread(target=lambda: replies.append(client.get("query_range", query=SLOW, **RANGE)))
    thread.start()
    return thread


def test_a_query_under_way_says_what_it_is_and_ends_when_it_is_told_to(server):
    replies: list = []
    thread = in_background(server, replies)
    wait_until(lambda: [query["state"] for query in active(server)] == ["running"])
    (query,) = active(server)

    reply = server.request("DELETE", f"/api/v1/status/active_queries/{query['id']}")
    thread.join(20)

    assert reply.data == {"id": query["id"]}
    assert (query["query"], query["client"], query["path"]) == (SLOW, "127.0.0.1", "/api/v1/query_range")
    assert (query["start"], query["end"], query["step"]) == (0, 7200, 1)
    assert (replies[0].status, replies[0].json["error"]) == (499, "query was canceled: on request")
    assert active(server) == []


def test_a_query_that_waits_is_listed_too(server):
    replies: list = []
    threads = [in_background(server, replies) for _ in range(2)]
    wait_until(lambda: [query["state"] for query in active(server)] == ["running", "waiting"])
    for query in active(server):
        server.request("DELETE", f"/api/v1/status/active_queries/{query['id']}")
    for thread in threads:
        thread.join(20)

    assert [reply.status for reply in replies] == [499, 499]


@pytest.mark.parametrize("query_id", ["99999", "x", "-1", "9" * 30])
def test_a_query_that_is_not_there_cannot_be_ended(server, query_id):
    reply = server.request("DELETE", f"/api/v1/status/active_queries/{query_id}")

    assert (reply.status, reply.json["errorType"]) == (404, "not_found")


def test_without_the_admin_api_nobody_ends_the_queries_of_others(api):
    reply = api.request("DELETE", "/api/v1/status/active_queries/1")

    assert (reply.status, reply.json["error"]) == (503, "admin APIs disabled")


def test_the_work_stops_when_the_client_goes(server, tmp_path):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        path = f"/api/v1/query_range?query={quote(SLOW)}&start=0&end=7200&step=1"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: [query["state"] for query in active(server)] == ["running"])
    wait_until(lambda: not active(server))

    (line,) = [orjson.loads(line) for line in (tmp_path / "queries.log").read_bytes().splitlines()]
    assert line["error"] == "query was canceled: the client went away"
    assert slow(server)[0]["error"] == line["error"]
    # The only place is free again at once.
    assert server.get("query", query="1", timeout="1").status == 200


def test_slow_queries_are_listed_newest_first_and_only_some(server):
    texts = [f"{number} + ({SLOW[:700].rpartition(' or ')[0]})" for number in range(5)]
    for text in texts:
        server.get("query_range", query=text, **RANGE)

    listed = slow(server)

    assert [query["query"] for query in listed] == texts[:1:-1]
    assert listed[0]["stats"]["timings"]["execTotalTime"] == pytest.approx(listed[0]["seconds"], abs=1e-5)
    assert (listed[0]["series"], listed[0]["error"]) == (11, None)


def test_a_quick_query_is_not_slow(tmp_path):
    with open_context(tmp_path, Limits(slow_query_ms=60_000)) as context, serving(context) as client:
        client.get("query", query="1")
        assert client.get("status/slow_queries").data == {"thresholdSeconds": 60.0, "queries": []}


def test_what_does_not_parse_is_not_logged(server, tmp_path):
    server.get("query", query="up{")
    server.get("query", query="1")

    assert (tmp_path / "queries.log").read_bytes().count(b"\n") == 1


def test_a_log_that_cannot_be_written_is_no_reason_to_refuse_queries(tmp_path):
    with open_context(tmp_path / "data") as context, serving(context) as client:
        with pytest.raises(StorageError):
            context.records.log.open(tmp_path / "nowhere" / "q.log")
        assert client.get("query", query="1").status == 200
