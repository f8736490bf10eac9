"""Queries that take long: deadlines, clients that go, places that are taken, and the event loop meanwhile."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from api_server import ApiClient, open_context, serving

from monitor.api.context import ApiContext
from monitor.config.settings import Limits
from monitor.errors import QueryCanceled, QueryTimeout
from monitor.promql.engine import Engine
from monitor.promql.limits import Guard


class SlowEngine(Engine):
    """Evaluates only when told to, asking its guard meanwhile as a real evaluation does."""

    def __init__(self, context: ApiContext) -> None:
        super().__init__(context.engine.limits, context.engine.features, context.clock)
        self.may_go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.ended: list[type[Exception] | None] = []

    def instant(self, plan, at_ms, reader, *, lookback_ms=None, guard: Guard | None = None, watch=None, is_small=False):
        assert guard is not None
        self.begun.release()
        try:
            while not self.may_go_on.wait(0.005):
                guard.check()
        except (QueryCanceled, QueryTimeout) as error:
            self.ended.append(type(error))
            raise
        self.ended.append(None)
        return super().instant(
            plan, at_ms, reader, lookback_ms=lookback_ms, guard=guard, watch=watch, is_small=is_small
        )


@contextmanager
def slow_server(directory, limits: Limits):
    with open_context(directory, limits) as context:
        engine = SlowEngine(context)
        with serving(context, engine=engine) as client:
            try:
                yield client, engine, context
            finally:
                engine.may_go_on.set()


def in_background(client: ApiClient, replies: list, **parameters: str) -> threading.Thread:
    thread = threading.Thread(target=lambda: replies.append(client.get("query", query="1", **parameters)))
    thread.start()
    return thread


def wait_until(is_true) -> None:
    deadline = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)


def test_the_timeout_of_the_request_ends_it(tmp_path):
    with slow_server(tmp_path, Limits()) as (client, engine, _):
        reply = client.get("query", query="1", timeout="0.05")
    assert (reply.status, reply.json["errorType"]) == (503, "timeout")
    assert reply.json["error"] == "query timed out after 0.05 s"
    assert engine.ended == [QueryTimeout]


def test_the_timeout_of_the_server_is_the_longest(tmp_path):
    with slow_server(tmp_path, Limits(query_timeout_ms=50)) as (client, _, _):
        reply = client.get("query", query="1", timeout="1h")
    assert (reply.status, reply.json["error"]) == (503, "query timed out after 0.05 s")


@pytest.mark.parametrize("timeout", ["0", "-1"])
def test_no_time_at_all_is_a_timeout(api, timeout):
    assert (api.get("query", query="1", timeout=timeout).status) == 503


def test_a_query_ends_when_its_client_has_gone(tmp_path):
    with slow_server(tmp_path, Limits()) as (client, engine, _):
        host, port = client.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            engine.begun.acquire()
        wait_until(lambda: engine.ended == [QueryCanceled])
        wait_until(lambda: b'code="499",handler="/api/v1/query"' in client.request("GET", "/metrics").body)


def test_more_queries_than_places_wait_and_then_are_refused(tmp_path):
    replies: list = []
    with slow_server(tmp_path, Limits(queries=1, waiting_queries=2)) as (client, engine, context):
        threads = [in_background(client, replies)]
        engine.begun.acquire()
        threads += [in_background(client, replies) for _ in range(2)]
        wait_until(lambda: context.queries.waiting == 2)
        refused = client.get("query", query="1")
        engine.may_go_on.set()
        for thread in threads:
            thread.join(10)
    assert (refused.status, refused.json["errorType"]) == (503, "unavailable")
    assert refused.json["error"] == "queries: 2 wait already, want at most 2 (waiting_queries)"
    assert refused.headers["retry-after"] == "5"
    assert [reply.status for reply in replies] == [200, 200, 200]


def test_waiting_for_a_place_counts_towards_the_timeout(tmp_path):
    replies: list = []
    with slow_server(tmp_path, Limits(queries=1)) as (client, engine, _):
        thread = in_background(client, replies)
        engine.begun.acquire()
        late = client.get("query", query="1", timeout="0.05")
        engine.may_go_on.set()
        thread.join(10)
    assert (late.status, late.json["errorType"], len(engine.ended)) == (503, "timeout", 1)


def test_the_event_loop_answers_while_all_places_are_taken(tmp_path):
    replies: list = []
    with slow_server(tmp_path, Limits(queries=2)) as (client, engine, _):
        threads = [in_background(client, replies) for _ in range(4)]
        engine.begun.acquire()
        assert client.request("GET", "/-/healthy").status == 200
        engine.may_go_on.set()
        for thread in threads:
            thread.join(10)
    assert len(replies) == 4


def test_a_large_answer_does_not_hold_up_the_event_loop(tmp_path):
    """The clock here is the machine's: a health check waits at most for what the interpreter is held at once."""
    with open_context(tmp_path) as context, serving(context) as client:
        lines = [f"label_replace(vector(time()), 'i', '{i}', '', '')" for i in range(60)]
        path = f"/api/v1/query_range?query={quote(' or '.join(lines))}&start=0&end=10000&step=1"
        address = client.url.removeprefix("http://")
        slow = http.client.HTTPConnection(address, timeout=60)
        slow.request("GET", path)
        waits = []
        done = threading.Event()
        thread = threading.Thread(target=lambda: (slow.getresponse().read(), done.set()))
        thread.start()
        quick = http.client.HTTPConnection(address, timeout=60)
        while not done.is_set():
            began = time.perf_counter()
            quick.request("GET", "/-/healthy")
            quick.getresponse().read()
            waits.append(time.perf_counter() - began)
        thread.join(60)
        slow.close(), quick.close()
    assert len(waits) > 10
    assert sorted(waits)[len(waits) // 2] < 0.05


def test_an_error_that_nobody_expected_is_500_and_says_nothing_of_itself(context: ApiContext, caplog):
    class BrokenEngine(Engine):
        def instant(self, *_arguments, **_options):
            raise RuntimeError("a secret")

    broken = BrokenEngine(context.engine.limits, context.engine.features, context.clock)
    with serving(context, engine=broken) as client:
        reply = client.get("query", query="1")
        assert client.request("GET", "/-/healthy").status == 200
    assert (reply.status, reply.json["errorType"]) == (500, "internal")
    assert reply.json["error"] == "RuntimeError: the server's log has more"
    assert "a secret" in caplog.text
