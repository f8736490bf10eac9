"""Parameters of the URL and of the form, and bodies that are too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from monitor.api.parameters import Parameters, parse_integer, read_parameters
from monitor.config.settings import Limits
from monitor.errors import BodyTimeout, BodyTooLarge, QueryCanceled

LIMITS = Limits(request_body_bytes=100, request_body_timeout_ms=20)
FORM = (b"content-type", b"application/x-www-form-urlencoded")


def request(chunks: Iterable[bytes] = (), query: bytes = b"", method: str = "POST", headers=(FORM,)) -> Request:
    waiting = iter(chunks)

    async def receive():
        chunk = next(waiting, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

    scope = {"type": "http", "method": method, "query_string": query, "headers": list(headers), "path": "/"}
    return Request(scope, receive)


def read(asked: Request) -> Parameters:
    return asyncio.run(read_parameters(asked, LIMITS))


def test_values_of_the_body_come_before_those_of_the_url():
    parameters = read(request([b"a=1&b=2", b"&a=3", b""], b"a=4&c=%C3%A9+%26"))
    assert parameters.texts("a") == ["1", "3", "4"]
    assert (parameters.text("a"), parameters.text("b"), parameters.text("c")) == ("1", "2", "é &")
    assert (parameters.text("d"), parameters.texts("d")) == ("", [])


@given(st.text("ab&=+%0F;é#", max_size=30))
def test_parameters_are_read_as_the_standard_library_reads_them(text):
    encoded = text.encode()
    expected = parse_qsl(encoded.decode("latin-1"), keep_blank_values=True)
    parameters = read(request(query=encoded, method="GET"))
    for name in {name for name, _ in expected}:
        assert parameters.texts(name) == [value for known, value in expected if known == name]


def test_the_body_of_a_get_request_is_not_read():
    assert read(request([b"a=1", b""], b"a=2", method="GET")).texts("a") == ["2"]


def test_an_empty_body_needs_no_type():
    assert read(request([b""], b"a=2", headers=())).texts("a") == ["2"]


def test_a_body_is_read_up_to_the_limit_and_no_further():
    assert read(request([b"a=" + b"1" * 98, b""])).text("a") == "1" * 98
    endless = iter(lambda: b"1" * 60, b"")
    with pytest.raises(BodyTooLarge, match="body: got more than 100 bytes, want at most 100"):
        read(request(endless))


def test_a_client_that_goes_while_it_sends_ends_the_request():
    with pytest.raises(QueryCanceled, match="went away"):
        read(request([b"a=1"]))


def test_a_body_that_does_not_arrive_is_not_waited_for():
    async def receive():
        await asyncio.sleep(60)

    scope = {"type": "http", "method": "POST", "query_string": b"", "headers": [FORM], "path": "/"}
    with pytest.raises(
        BodyTimeout, match=r"^body: did not arrive in time, want it within 0.02 s \(request_body_timeout\)$"
    ):
        read(Request(scope, receive))


@given(st.binary(max_size=60))
def test_any_query_string_can_be_read(query):
    assert isinstance(read(request(query=query, method="GET")).texts("a"), list)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_integers_are_read_as_go_reads_them(number):
    assert parse_integer(str(number)) == number
    assert parse_integer(f"+{abs(number)}") == abs(number)


@pytest.mark.parametrize("text", ["", "1.0", " 1", "1_0", "0x1", "--1", "٣", "1e3"])
def test_what_is_no_integer_is_refused(text):
    with pytest.raises(ValueError, match=r'^strconv.Atoi: parsing ".*": invalid syntax$'):
        parse_integer(text)


def test_a_number_of_a_million_digits_is_refused_at_once():
    with pytest.raises(ValueError, match="value out of range"):
        parse_integer("9" * 1_000_000)
