from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.response_body import ResponseBody

LIMIT_BYTES = 1000


def collect(pieces: list[bytes], encoding: str = "", bytes_max: int = LIMIT_BYTES) -> bytes:
    body = ResponseBody(bytes_max, encoding)
    for piece in pieces:
        body.add(piece)
    return body.finish()


def failure_of(pieces: list[bytes], encoding: str, bytes_max: int = LIMIT_BYTES) -> ScrapeFailure:
    with pytest.raises(ScrapeError) as caught:
        collect(pieces, encoding, bytes_max)
    return caught.value.failure


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.binary(max_size=100), max_size=3), st.lists(st.integers(0, 1000)), st.booleans())
def test_a_body_is_the_same_however_it_is_cut(members: list[bytes], places: list[int], is_gzip: bool) -> None:
    sent = b"".join(map(gzip.compress, members)) if is_gzip and members else b"".join(members)
    assert collect(cut(sent, places), "gzip" if is_gzip and members else "identity") == b"".join(members)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_below_the_limit_passes_and_one_at_the_limit_fails(encoding: str) -> None:
    below, at_limit = b"x" * (LIMIT_BYTES - 1), b"x" * LIMIT_BYTES
    pack = gzip.compress if encoding else bytes
    assert collect([pack(below)], encoding) == below
    assert failure_of([pack(at_limit)], encoding) is ScrapeFailure.BODY_SIZE


def test_a_gzip_bomb_is_inflated_up_to_the_limit_only() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    pieces = [bomb.compress(bytes(2**20)) for _ in range(200)] + [bomb.flush()]
    assert failure_of(pieces, "gzip", 2**20) is ScrapeFailure.BODY_SIZE


def test_a_length_at_the_limit_is_refused_before_anything_is_read() -> None:
    body = ResponseBody(LIMIT_BYTES)
    body.expect(LIMIT_BYTES - 1)
    with pytest.raises(ScrapeError, match="body_size_limit exceeded"):
        body.expect(LIMIT_BYTES)


def test_half_a_gzip_body_is_truncated() -> None:
    assert failure_of([gzip.compress(b"a 1\n" * 50)[:20]], "gzip") is ScrapeFailure.TRUNCATED


@pytest.mark.parametrize("data", [b"not gzip at all", gzip.compress(b"a 1\n", mtime=0) + b"more", b""])
def test_what_is_not_gzip_is_refused(data: bytes) -> None:
    assert failure_of([data], "gzip") in (ScrapeFailure.ENCODING, ScrapeFailure.TRUNCATED)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(ScrapeError, match="got content encoding 'br', want gzip or identity"):
        ResponseBody(LIMIT_BYTES, "br")
