"""Compression, and the headers that all answers have."""

from __future__ import annotations

import gzip

import pytest
from api_story import END


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "GZIP", "br,gzip"])
def test_a_long_answer_is_compressed_when_asked(api, accepted):
    path = f"/api/v1/query_range?query=up&start={END - 600}&end={END}&step=1"
    plain = api.request("GET", path)
    packed = api.request("GET", path, headers={"Accept-Encoding": accepted})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 4
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.000", "x-gzip-not"])
def test_it_is_not_compressed_for_others(api, accepted):
    path = f"/api/v1/query_range?query=up&start={END - 600}&end={END}&step=1"
    reply = api.request("GET", path, headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in reply.headers


def test_a_short_answer_is_left_as_it_is(api):
    reply = api.request("GET", "/api/v1/query?query=1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in reply.headers
    assert reply.json["status"] == "success"


def test_a_body_of_many_pieces_arrives_whole(api):
    expression = "label_replace(vector(1), 'i', '1', '', '') or " * 3 + "time()*0.1"
    reply = api.get("query_range", query=f"{expression} + vector(0)", start="0", end="11000", step="1")
    assert int(reply.headers["content-length"]) == len(reply.body) > 200_000
    assert {len(series["values"]) for series in reply.data["result"]} == {11_001}


def test_head_has_the_headers_only(api):
    reply = api.request("HEAD", "/api/v1/query?query=1")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 50
