from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from little_server import LittleServer, little_server, response

from monitor.config.scrape_config import HttpClientConfig
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.fetch import FetchRequest, FetchResponse
from monitor.scrape.fetching.plain_http import PlainHttpFetcher

BODY = b"a 1\nb 2\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def fetcher_for(url: str, **limits: Any) -> PlainHttpFetcher:
    request = FetchRequest(
        url, (("Accept", "text/plain"),), limits.pop("body_bytes_max", 10_000), HttpClientConfig(), **limits
    )
    return PlainHttpFetcher(request)


def fetch(answer: bytes | Callable[..., Awaitable[None]], timeout_seconds: float = 5.0, **limits: Any) -> FetchResponse:
    """One fetch from a server that gives this answer."""

    async def run() -> FetchResponse:
        async with little_server(metrics=answer) as server:
            fetcher = fetcher_for(server.url(), **limits)
            try:
                return await fetcher.fetch(timeout_seconds)
            finally:
                fetcher.close()

    return uvloop.run(run())


def failure(answer: bytes | Callable[..., Awaitable[None]], **arguments: Any) -> ScrapeFailure:
    with pytest.raises(ScrapeError) as caught:
        fetch(answer, **arguments)
    return caught.value.failure


async def write(writer: asyncio.StreamWriter, *pieces: bytes, closing: bool = False) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.005)
    if closing:
        writer.close()


@pytest.mark.parametrize(
    "answer",
    [
        response(BODY, "text/plain"),
        response(gzip.compress(BODY), "text/plain", content_encoding="gzip"),
        CHUNKED + b"3\r\na 1\r\n5;x=y\r\n\nb 2\n\r\n0\r\nTrailer: z\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: x\r\n\r\n"
        + response(BODY, "text/plain"),
    ],
    ids=["length", "gzip", "chunked", "interim"],
)
def test_an_answer_is_read_whatever_its_framing(answer: bytes) -> None:
    assert fetch(answer) == FetchResponse(200, "OK", "text/plain", BODY)


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        await write(writer, UNTIL_CLOSE, BODY, closing=True)

    assert fetch(answer) == FetchResponse(200, "OK", "text/plain", BODY)


@given(st.lists(st.integers(0, 200), max_size=6))
@settings(max_examples=15, deadline=None)
def test_an_answer_is_the_same_however_it_is_cut(places: list[int]) -> None:
    whole = CHUNKED + b"3\r\na 1\r\n5\r\n\nb 2\n\r\n0\r\n\r\n"
    ends = sorted({place % len(whole) for place in places} | {0, len(whole)})
    pieces = [whole[start:end] for start, end in pairwise(ends)]

    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        await write(writer, *pieces)

    assert fetch(answer).body == BODY


@pytest.mark.parametrize("status", ["404 Not Found", "204 No Content", "301 Moved Permanently", "500"])
def test_any_status_is_an_answer(status: str) -> None:
    answer = response(b"", status=status)
    assert fetch(answer).status == int(status[:3])
    assert fetch(answer).reason == status[4:]


def test_the_request_is_what_servers_expect() -> None:
    async def run() -> str:
        async with little_server(**{"metrics?a=b": response(BODY)}) as server:
            fetcher = fetcher_for(server.url("/metrics?a=b"))
            await fetcher.fetch(5.0)
            fetcher.close()
            return server.requests[0].replace(str(server.port), "PORT")

    assert uvloop.run(run()) == "GET /metrics?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAccept: text/plain\r\n\r\n"


def scrape_twice(between: Callable[[LittleServer], Awaitable[None]], answer: bytes) -> int:
    """How many connections two fetches took."""

    async def run() -> int:
        async with little_server(metrics=answer) as server:
            fetcher = fetcher_for(server.url())
            await fetcher.fetch(5.0)
            await between(server)
            assert (await fetcher.fetch(5.0)).status == 200
            fetcher.close()
            return server.connections

    return uvloop.run(run())


async def nothing(_: LittleServer) -> None:
    """Happens."""


async def drop(server: LittleServer) -> None:
    server.drop_connections()
    await asyncio.sleep(0.01)


async def drop_when_asked_again(server: LittleServer) -> None:
    """The kept connection ends just as the request arrives."""
    good = server.answers["/metrics"]

    async def close(_: Any, writer: asyncio.StreamWriter) -> None:
        server.answers["/metrics"] = good
        writer.transport.abort()

    server.answers["/metrics"] = close


async def send_unasked(server: LittleServer) -> None:
    server.writers[0].write(response(b"stray 1\n"))
    await asyncio.sleep(0.01)


def test_the_connection_is_kept() -> None:
    assert scrape_twice(nothing, response(BODY)) == 1


@pytest.mark.parametrize("between", [drop, drop_when_asked_again, send_unasked])
def test_a_connection_that_is_no_good_any_more_is_replaced(between: Callable[[LittleServer], Awaitable[None]]) -> None:
    assert scrape_twice(between, response(BODY)) == 2


def test_a_server_that_wants_to_close_gets_a_new_connection_each_time() -> None:
    assert scrape_twice(nothing, response(BODY, connection="close")) == 2
    assert scrape_twice(nothing, response(BODY).replace(b"HTTP/1.1", b"HTTP/1.0")) == 2


def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_one() -> None:
    assert scrape_twice(nothing, response(BODY) + response(b"stray 1\n")) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nBad\x00Header: 1\r\n\r\n",
        CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\nabc\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2**20 + b"\r\n\r\n",
    ],
    ids=["garbage", "length", "lengths", "header", "chunk", "chunk-size", "upgrade", "head-size"],
)
def test_malformed_http_fails_the_fetch(answer: bytes) -> None:
    try:
        status = fetch(answer).status
    except ScrapeError as error:
        assert error.failure is ScrapeFailure.PROTOCOL
    else:
        assert status == 101


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", BODY),
        (CHUNKED, b"3\r\na 1\r\n"),
    ],
    ids=["head", "length", "chunk"],
)
def test_half_an_answer_fails_the_fetch(pieces: tuple[bytes, ...]) -> None:
    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        await write(writer, *pieces, closing=True)

    assert failure(answer) is ScrapeFailure.TRUNCATED


def test_a_connection_closed_without_an_answer_fails_the_fetch() -> None:
    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert failure(answer) is ScrapeFailure.CONNECT


def test_a_server_that_never_answers_times_out() -> None:
    async def answer(reader: asyncio.StreamReader, _: Any) -> None:
        await reader.read()

    assert failure(answer, timeout_seconds=0.05) is ScrapeFailure.TIMEOUT


def test_a_server_that_trickles_times_out() -> None:
    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        await write(writer, *(bytes([byte]) for byte in response(BODY)))

    assert failure(answer, timeout_seconds=0.05) is ScrapeFailure.TIMEOUT


def test_a_body_over_the_limit_is_not_read_to_its_end() -> None:
    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(ConnectionError):
            await write(writer, UNTIL_CLOSE, *[b"x" * 65536] * 1000)
        writer.close()

    assert failure(answer, body_bytes_max=100_000) is ScrapeFailure.BODY_SIZE


def test_a_length_over_the_limit_is_refused_at_once() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    assert failure(head) is ScrapeFailure.BODY_SIZE


def test_another_encoding_is_refused() -> None:
    assert failure(response(BODY, content_encoding="br")) is ScrapeFailure.ENCODING


def test_nobody_listening_fails_the_fetch() -> None:
    with pytest.raises(ScrapeError) as caught:
        uvloop.run(fetcher_for("http://127.0.0.1:1/metrics").fetch(5.0))
    assert caught.value.failure is ScrapeFailure.CONNECT


@pytest.mark.parametrize("url", ["http://[::1/metrics", "http://host:notaport/metrics", "http:///metrics"])
def test_a_url_without_sense_fails_the_fetch(url: str) -> None:
    with pytest.raises(ScrapeError) as caught:
        uvloop.run(fetcher_for(url).fetch(5.0))
    assert caught.value.failure is ScrapeFailure.CONNECT


def test_closing_fails_the_fetch_under_way() -> None:
    async def answer(reader: asyncio.StreamReader, _: Any) -> None:
        await reader.read()

    async def run() -> None:
        async with little_server(metrics=answer) as server:
            fetcher = fetcher_for(server.url())
            fetching = asyncio.create_task(fetcher.fetch(5.0))
            await asyncio.sleep(0.02)
            fetcher.close()
            with pytest.raises(ScrapeError):
                await fetching

    uvloop.run(run())


def test_an_ipv6_address_is_reached() -> None:
    async def run() -> bytes:
        async with little_server(host="::1", metrics=response(BODY)) as server:
            fetcher = fetcher_for(f"http://[::1]:{server.port}/metrics")
            body = (await fetcher.fetch(5.0)).body
            fetcher.close()
            return body

    assert uvloop.run(run()) == BODY


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "server.sock")

    async def run() -> bytes:
        async with little_server(unix_path=path, metrics=response(BODY)):
            fetcher = fetcher_for("http://anything/metrics", unix_socket=path)
            body = (await fetcher.fetch(5.0)).body
            fetcher.close()
            return body

    assert uvloop.run(run()) == BODY
