from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.access_log.formats import line_format
from exporters.errors import InvalidLogFormat

COMBINED = '1.2.3.4 - anne [23/Nov/2026:17:43:48 +0000] "GET /product/7?x=1 HTTP/1.1" 200 512 "-" "curl/8"'
ENVOY = (
    '[2026-11-23T17:43:48.310Z] "POST /pay HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "curl/8" '
    '"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "shop" "10.0.2.1:80"'
)
CADDY = {"request": {"method": "GET", "uri": "/a", "headers": {}}, "duration": 0.25, "size": 10, "status": 200}
APACHE = r"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""


def read(text: str, line: str) -> tuple[object, ...] | None:
    """Method, target, status, size and duration of one line; None if it is not recognised."""
    reader = line_format(text)
    parsed = reader.parse(line + "\n")
    assert len(parsed.rows) + parsed.unrecognised == 1
    columns = reader.columns
    places = (columns.method, columns.target, columns.status, columns.size, columns.duration)
    return tuple(parsed.rows[0][place] for place in places) if parsed.rows else None


@pytest.mark.parametrize(
    ("text", "line", "row"),
    [
        ("combined", COMBINED, ("GET", "/product/7?x=1", "200", "512", "")),
        ("combined", COMBINED + " 0.012", ("GET", "/product/7?x=1", "200", "512", "0.012")),
        ("combined", COMBINED + " 0.012 0.009", ("GET", "/product/7?x=1", "200", "512", "0.012")),
        ("common", COMBINED.partition(' "-"')[0], ("GET", "/product/7?x=1", "200", "512", "")),
        ("combined", COMBINED.replace("GET", r"\x16\x03\x01"), ("", "", "200", "512", "")),
        ("combined", COMBINED.replace("curl/8", r"say \"hi\" \\"), ("GET", "/product/7?x=1", "200", "512", "")),
        ("combined", COMBINED.replace("GET /product/7?x=1 HTTP/1.1", "-"), ("", "", "200", "512", "")),
        ("envoy", ENVOY, ("POST", "/pay", "204", "0", "226")),
        ("json", json.dumps(CADDY), ("GET", "/a", 200, 10, 0.25)),
        (
            "json",
            '{"request":"GET /a HTTP/1.1","status":"200","body_bytes_sent":"5","request_time":"0.003"}',
            ("GET", "/a", "200", "5", "0.003"),
        ),
        (
            "json",
            '{"method":"GET","path":"/a","response_code":200,"bytes_sent":5,"duration":3}',
            ("GET", "/a", 200, 5, 0.003),
        ),
        (APACHE, COMBINED, ("GET", "/product/7?x=1", "200", "512", "")),
        (APACHE + " %D", COMBINED + " 1234", ("GET", "/product/7?x=1", "200", "512", "1234")),
        ("%m %U%q %>s %O %{ms}T", "GET /a?b=1 200 99 12", ("GET", "/a", "200", "99", "12")),
        ("$request_method $uri $status $bytes_sent", "GET /a 200 99", ("GET", "/a", "200", "99", "")),
        ("%s %>s %U %r", "301 200 /b GET /a HTTP/1.1", ("GET", "/a", "301", "", "")),
        ("$uri $request_uri $status $body_bytes_sent", "/a /b 200 7", ("", "/a", "200", "7", "")),
        (
            '$status "$request" $upstream_addr $upstream_response_time ${request_time}s',
            '200 "GET /a HTTP/1.1" 10.0.0.1:80, 10.0.0.2:80 0.001, 0.002 0.004s',
            ("GET", "/a", "200", "", "0.004"),
        ),
        (
            'log_format timed escape=json \'{"status":$status,"request":"$request",\'\n  \'"took":$request_time}\';',
            '{"status":404,"request":"GET /\\u0001 HTTP/1.1","took":0.500}',
            ("GET", "/\\u0001", "404", "", "0.500"),
        ),
    ],
)
def test_a_line_gives_what_its_format_says(text: str, line: str, row: tuple[object, ...]) -> None:
    assert read(text, line) == row


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("combined", COMBINED[:-3]),
        ("combined", "x" + COMBINED + COMBINED),
        ("combined", COMBINED + " 12"),
        ("combined", ""),
        ("envoy", COMBINED),
        ("json", json.dumps(CADDY)[:-1]),
        ("json", '{"status":200}'),
        ("json", "[1]"),
        ("json", json.dumps({**CADDY, "duration": "250ms"})),
        ("json", json.dumps({**CADDY, "status": {"code": 200}})),
    ],
)
def test_damaged_lines_and_other_formats_are_not_recognised(text: str, line: str) -> None:
    assert read(text, line) is None


@pytest.mark.parametrize(
    ("text", "unit_ns", "is_body"),
    [
        ("combined", 10**9, True),
        ("envoy", 10**6, True),
        ("%>s %D %O", 10**3, False),
        ("$status $bytes_sent", 10**9, False),
    ],
)
def test_columns_say_what_the_numbers_mean(text: str, unit_ns: int, is_body: bool) -> None:
    columns = line_format(text).columns

    assert (columns.duration_unit_ns, columns.size_is_body) == (unit_ns, is_body)


def test_of_several_durations_the_finest_is_taken() -> None:
    assert read("%>s %{ms}T %D", "200 12 12345") == ("", "", "200", "", "12345")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logfmt", "want combined, common, envoy, json"),
        ("$request $body_bytes_sent", "the status of the answer"),
        ("$scheme$host $status", "got '$host $status' at position 7, want some text between two variables"),
        ("log_format timed '$status' oops", "want 'text in quotes' or the end"),
        ("%>s %", "got '%' at position 4, want a directive"),
    ],
)
def test_a_format_that_cannot_be_read_says_where(text: str, message: str) -> None:
    with pytest.raises(InvalidLogFormat) as caught:
        line_format(text)

    assert message in str(caught.value)


LINES = st.lists(st.sampled_from([COMBINED + " 0.012", ENVOY, json.dumps(CADDY), "", "\x00", 'GET "']), max_size=8)


@pytest.mark.parametrize("text", ["combined", "envoy", "json"])
@given(lines=LINES, cuts=st.lists(st.integers(0, 400), max_size=4), printed=st.text(max_size=6))
def test_no_line_gives_more_than_one_request(text: str, lines: list[str], cuts: list[int], printed: str) -> None:
    whole = "".join(line + "\n" for line in lines)
    damaged = whole
    for cut in cuts:
        damaged = damaged[:cut] + printed.replace("\n", "") + "\n" + damaged[cut:]
    reader = line_format(text)

    parsed = reader.parse(damaged + "\n")
    assert len(parsed.rows) + parsed.unrecognised == damaged.count("\n") + 1
    assert len(parsed.rows) <= len(reader.parse(whole).rows)


@pytest.mark.parametrize("text", ["combined", "envoy", "json"])
@given(lines=st.text())
def test_garbage_never_raises(text: str, lines: str) -> None:
    parsed = line_format(text).parse(lines + "\n")

    assert parsed.rows == []
