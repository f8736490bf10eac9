"""Where one HTTP/1.1 exchange ends, seen from the bytes alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.autoscale.processes.exchange import Exchanges

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


def after(*turns: tuple[bytes, bytes]) -> Exchanges:
    exchanges = Exchanges()
    for request, response in turns:
        exchanges.feed_request(request)
        exchanges.feed_response(response)
    return exchanges


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [(GET, OK)],
        [(GET, OK), (POST, CHUNKED), (GET, OK)],
        [(GET + GET, OK + OK)],
        [(GET, b"HTTP/1.1 100 Continue\r\n\r\n" + OK)],
        [(GET, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)],
        [(GET, b"HTTP/1.1 204 No Content\r\n\r\n")],
        [(GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")],
        [(HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"), (GET, OK)],
        [(HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), (GET, OK)],
        [(HEAD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), (HEAD, OK[:-2]), (GET, OK)],
    ],
)
def test_after_complete_exchanges_the_connection_is_between(turns):
    exchanges = after(*turns)
    assert exchanges.is_between
    assert exchanges.received == sum(request.count(b"HTTP/1.1") for request, _ in turns)


@pytest.mark.parametrize(
    "turns",
    [
        [(GET[:5], b"")],
        [(GET, b"")],
        [(GET, OK[:-1])],
        [(GET, CHUNKED[:-2])],
        [(POST[:-1], OK)],
        [(GET + GET, OK)],
        [(GET, b"HTTP/1.1 100 Continue\r\n\r\n")],
        [(GET, b"HTTP/1.1 200 OK\r\n\r\nuntil the end of the connection")],
    ],
)
def test_inside_an_exchange_it_is_not(turns):
    exchanges = after(*turns)
    assert not exchanges.is_between
    assert not exchanges.is_opaque


@pytest.mark.parametrize(
    "turns",
    [
        [(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"")],
        [(b"\x16\x03\x01\x02\x00", b"")],
        [(GET, b"SSH-2.0-OpenSSH\r\n")],
        [(b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", b"")],
        [(GET, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")],
        [(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"")],
        [(GET + HEAD, b"")],
    ],
)
def test_what_is_not_plain_http_is_never_between(turns):
    exchanges = after(*turns)
    assert exchanges.is_opaque
    exchanges.feed_request(GET)
    exchanges.feed_response(OK)
    assert not exchanges.is_between


@pytest.mark.parametrize(
    ("request_bytes", "response"),
    [
        (GET, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")),
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK),
        (b"GET / HTTP/1.0\r\n\r\n", OK.replace(b"1.1", b"1.0")),
    ],
    ids=["the server closes", "the client closes", "HTTP/1.0"],
)
def test_a_connection_that_is_to_close_is_never_between(request_bytes, response):
    exchanges = after((request_bytes, response))
    assert exchanges.received == 1
    assert not exchanges.is_between


def test_after_its_end_it_takes_what_still_comes():
    exchanges = after((GET, OK))
    exchanges.end()
    exchanges.feed_response(OK)
    assert not exchanges.is_between


@settings(deadline=None)
@given(st.lists(st.sampled_from([(GET, OK), (POST, CHUNKED), (HEAD, OK[:-2])]), max_size=4), st.data())
def test_how_the_bytes_are_cut_makes_no_difference(turns, data):
    exchanges = Exchanges()
    for number, (request, response) in enumerate(turns, 1):
        for feed, message in ((exchanges.feed_request, request), (exchanges.feed_response, response)):
            cut = data.draw(st.integers(0, len(message)))
            feed(message[:cut])
            feed(message[cut:])
        assert exchanges.is_between
        assert exchanges.received == number


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=8))
def test_no_bytes_whatever_raise_an_error(chunks):
    exchanges = Exchanges()
    for is_request, data in chunks:
        (exchanges.feed_request if is_request else exchanges.feed_response)(data)
