"""The short way of a small request: the same answers as the long way, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

import pytest
from api_server import ApiClient, Reply
from raw_http import RawConnection
from uvicorn_server import uvicorn_server

from monitor.api.answers import Answer
from monitor.api.http_protocol import HELD_BODY_BYTES_MAX, api_protocol, only_request

SHORT, LONG = b"the short way", b"the long way"


class TwoWays:
    """Answers paths below /short at once and everything else as an application, with the body that came."""

    def answer_at_once(self, scope, body):
        if not scope["path"].startswith("/short"):
            return None
        return Answer((SHORT, b":", body, scope["query_string"]))

    async def __call__(self, scope, receive, send):
        body, is_whole = b"", False
        while not is_whole:
            message = await receive()
            body += message["body"]
            is_whole = not message["more_body"]
        await Answer((LONG, b":", body))(scope, receive, send)


@pytest.fixture
def connection() -> Iterator[RawConnection]:
    ways = TwoWays()
    with uvicorn_server(ways, http=api_protocol(ways)) as url, RawConnection(int(url.rpartition(":")[2])) as opened:
        yield opened


def test_one_connection_serves_both_ways_in_turn(connection):
    targets = ["/short?a=1", "/long", "/short", "/short", "/long"]
    bodies = [connection.ask(target).body for target in targets]
    assert bodies == [SHORT + b":a=1", LONG + b":", SHORT + b":", SHORT + b":", LONG + b":"]


def test_the_body_of_a_request_comes_along(connection):
    assert connection.ask("/short", b"body").body == SHORT + b":body"
    assert connection.ask("/long", b"body").body == LONG + b":body"


@pytest.mark.parametrize("target", ["/short", "/long"])
def test_a_body_of_any_size_goes_the_long_way_whole(connection, target):
    body = b"x" * (HELD_BODY_BYTES_MAX + 1)
    assert connection.ask(target, body).body == LONG + b":" + body


def test_requests_sent_without_waiting_are_answered_in_their_order(connection):
    bodies = [b"1", b"2", b"3", b"4"]
    for target, body in zip(("/long", "/short", "/long", "/short"), bodies, strict=True):
        connection.send(target, body)
    assert [connection.read_answer().body.rpartition(b":")[2] for _ in bodies] == bodies


def test_a_request_that_asks_first_goes_the_long_way(connection):
    connection.send("/short", b"body", "1.1", "Expect: 100-continue", "Connection: close")
    # The head of the interim answer has no length: what follows up to the end is its body.
    first = connection.read_answer()
    assert first.status == 100
    assert first.body.endswith(LONG + b":body")


@pytest.mark.parametrize(("version", "header"), [("1.0", "X: 1"), ("1.1", "Connection: close")])
@pytest.mark.parametrize("target", ["/short", "/long"])
def test_a_client_that_wants_one_answer_gets_one(connection, target, version, header):
    connection.send(target, None, version, header)
    assert connection.read_answer().status == 200
    assert connection.is_closed_by_server()


@pytest.mark.parametrize("target", ["/short?a=1", "/long"])
def test_a_first_request_in_two_parts_is_answered(connection, target):
    head = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    connection.send_bytes(head[:30])
    connection.send_bytes(head[30:])
    assert connection.read_answer().body == (SHORT + b":a=1" if target.startswith("/short") else LONG + b":")
    assert connection.is_closed_by_server()


def test_a_request_that_is_the_last_is_answered_only_once_it_is_alone():
    head = b"GET /short?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding:gzip \r\n\r\n"
    headers = [(b"host", b"a"), (b"connection", b"close"), (b"accept-encoding", b"gzip")]
    assert only_request(head) == (b"/short?a=1", headers)
    for other in (head[:-1], head + b"G", head + head, b"\r\n" + head):
        assert only_request(other) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"GET /", b"GET http://a/"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"close", b"keep-alive"),
        (b"X: 1", b"Content-Length: 1"),
        (b"X: 1", b"Transfer-Encoding: chunked"),
        (b"X: 1", b"Expect: 100-continue"),
        (b"X: 1", b"Upgrade: websocket"),
        (b"X: 1", b"X: 1\r\n folded"),
        (b"X: 1", b"X : 1"),
        (b"X: 1", b"X"),
        (b"X: 1", b"X: \x00"),
        (b"X: 1", b"X: 1\n"),
        (b"X: 1\r\n", b"X: 1\n"),
    ],
)
def test_whatever_is_special_about_a_request_is_left_to_the_parser(old, new):
    head = b"GET /short HTTP/1.1\r\nX: 1\r\nConnection: close\r\n\r\n"
    assert only_request(head) is not None
    assert only_request(head.replace(old, new)) is None


def test_what_is_no_http_is_refused_after_the_short_way_too(connection):
    connection.ask("/short")
    connection.send("no http at\0all")
    assert connection.read_answer().status == 400


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("query", {"query": 'count({job=~".+"})', "time": "1700000000"}),
        ("query", {"query": '{job=~".+"}', "time": "1700000000"}),
        ("query", {"query": '{job=~".+"}[5m]', "time": "1700000000"}),
        ("query", {"query": "1 + time()", "time": "1700000000.5", "stats": "all"}),
        ("query", {"query": '"text"', "time": "1700000000"}),
        ("query_range", {"query": '{job=~".+"}', "start": "1700000000", "end": "1700000600", "step": "15"}),
        ("query_range", {"query": "vector(1)", "start": "1700000000", "end": "1700000600", "step": "7", "limit": "1"}),
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "get_and_close"])
def test_a_query_asked_again_is_answered_in_the_same_way(api: ApiClient, method, path, parameters):
    ask = partial(get_and_close, api) if method == "get_and_close" else getattr(api, method)
    first, again = ask(path, **parameters), ask(path, **parameters)
    assert (first.status, first.headers.keys()) == (again.status, again.headers.keys())
    assert _without_timings(first.json) == _without_timings(again.json)


def test_a_query_answered_at_once_is_counted_as_any_other(api: ApiClient):
    def answered() -> int:
        lines = api.request("GET", "/metrics").body.decode().splitlines()
        name = 'plimsoll_http_requests_total{code="200",handler="/api/v1/query"} '
        return int(sum(float(line.removeprefix(name)) for line in lines if line.startswith(name)))

    before = answered()
    for _ in range(3):
        assert api.get("query", query="1 + 41").status == 200
    assert answered() == before + 3


def test_a_query_that_fails_the_second_time_is_refused_as_the_first_time(api: ApiClient):
    assert api.get("query", query="vector(1)").status == 200
    first, again = (api.get("query", query="vector(1)", timeout="nonsense") for _ in range(2))
    assert (first.status, first.body) == (again.status, again.body) == (400, first.body)


def test_a_query_that_has_outgrown_the_short_way_is_answered_in_full(context_factory):
    with context_factory() as api:
        asked = {"query": "sum(count_over_time(grown[1h]))", "time": "1700003600"}
        assert [api.get("query", **asked).data["result"] for _ in range(2)] == [[], []]
        samples = {1_700_000_000_000 + 1000 * second: 1.0 for second in range(1, 3601)}
        for number in range(6):
            assert api.write([({"__name__": "grown", "number": str(number)}, samples)]).status == 204
        assert [api.get("query", **asked).data["result"][0]["value"][1] for _ in range(2)] == ["21600", "21600"]


def get_and_close(api: ApiClient, path: str, **parameters: str) -> Reply:
    return api.request("GET", f"/api/v1/{path}?{urlencode(parameters)}", headers={"Connection": "close"})


def _without_timings(document):
    document.get("data", {}).get("stats", {}).pop("timings", None)
    return document
