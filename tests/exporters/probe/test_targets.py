from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import InvalidProbeTarget
from exporters.probe.targets import Endpoint, HttpTarget, parse_endpoint, parse_url, shown


@pytest.mark.parametrize(
    ("text", "target", "host"),
    [
        ("shop.example", HttpTarget(Endpoint("shop.example", 80), False, "/"), "shop.example"),
        ("http://a.example:81/a?b=c#d", HttpTarget(Endpoint("a.example", 81), False, "/a?b=c"), "a.example:81"),
        ("https://shop.example?q", HttpTarget(Endpoint("shop.example", 443), True, "/?q"), "shop.example"),
        ("https://[::1]:8443/", HttpTarget(Endpoint("::1", 8443), True, "/"), "[::1]:8443"),
        ("http://bücher.de/", HttpTarget(Endpoint("xn--bcher-kva.de", 80), False, "/"), "xn--bcher-kva.de"),
        ("http://[::1]/", HttpTarget(Endpoint("::1", 80), False, "/"), "[::1]"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(text: str, target: HttpTarget, host: str) -> None:
    assert parse_url(text) == target
    assert target.host_header == host
    assert parse_url(target.url) == target


def test_a_location_is_taken_from_where_it_was_given() -> None:
    target = parse_url("https://shop.example:8443/a/b?c")

    assert target.redirected("d").url == "https://shop.example:8443/a/d"
    assert target.redirected("/d?e=f").url == "https://shop.example:8443/d?e=f"
    assert target.redirected("//other.example/x").url == "https://other.example/x"


@pytest.mark.parametrize(("text", "endpoint"), [("db:5432", Endpoint("db", 5432)), ("[::1]:22", Endpoint("::1", 22))])
def test_an_endpoint_is_host_and_port(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert endpoint.authority == text


@pytest.mark.parametrize(
    "text", ["", "db", "db:0", "db:65536", ":80", "db:80/x", "u:p@db:80", "::1:80x", "db:8 0", "d b:80", "ü..:80"]
)
def test_anything_else_is_no_endpoint(text: str) -> None:
    with pytest.raises(InvalidProbeTarget, match="want HOST:PORT"):
        parse_endpoint(text)


@given(text=st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        target = parse_url(text)
    except InvalidProbeTarget:
        return
    assert 0 < target.endpoint.port < 65536 and target.path.startswith("/")


@pytest.mark.parametrize(
    ("target", "visible"),
    [
        ("http://shop.example/a?token=s3cret#s3cret", "http://shop.example/a"),
        ("http://me:s3cret@shop.example/a", "http://shop.example/a"),
        ("me:s3?cret@shop.example", "shop.example"),
        ("db:5432", "db:5432"),
        ("shop.example/?to=http://x", "shop.example/"),
    ],
)
def test_what_may_be_secret_is_not_shown(target: str, visible: str) -> None:
    assert shown(target) == visible
