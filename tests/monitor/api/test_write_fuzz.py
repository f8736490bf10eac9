"""Whatever arrives at /api/v1/write is taken or refused: it is never an error of ours, and never much memory."""

from __future__ import annotations

import tracemalloc

import cramjam
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remote_write import write_request

from monitor.api.remote_write.write_request import decode_write_request, decompress
from monitor.api.remote_write.write_samples import write_samples
from monitor.clock import SystemClock
from monitor.errors import BadRequest
from monitor.storage.store import Store, StoreSettings

LIMIT = 2**20
names = st.text(st.characters(codec="utf-8"), max_size=4)
labels = st.dictionaries(names, names, max_size=3)
times = st.one_of(st.integers(0, 2**42), st.integers(-(2**63), 2**63 - 1))
requests = st.lists(st.tuples(labels, st.dictionaries(times, st.floats(), max_size=3)), max_size=4).map(write_request)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = Store(tmp_path_factory.mktemp("fuzz"), StoreSettings(), SystemClock())
    yield opened
    opened.close()


def take(store: Store, body: bytes) -> bool:
    """Whether all of it was taken; raises what is an error of ours."""
    try:
        written = write_samples(store, decode_write_request(decompress(body, LIMIT)))
    except BadRequest:
        return False
    assert 0 <= written.refused_series <= 2 * written.series
    return not written.refusal


@given(body=st.binary(max_size=200))
@settings(max_examples=300)
def test_random_bytes(store, body):
    take(store, body)
    take(store, bytes(cramjam.snappy.compress_raw(body)))


@given(body=requests)
@settings(max_examples=200)
def test_valid_encodings_of_any_content(store, body):
    take(store, body)


@given(body=requests, data=st.data())
@settings(max_examples=300)
def test_truncated_and_mutated_requests(store, body, data):
    plain = bytearray(cramjam.snappy.decompress_raw(body))
    plain = plain[: data.draw(st.integers(0, len(plain)))]
    for position in data.draw(st.lists(st.integers(0, max(0, len(plain) - 1)), max_size=4)):
        if plain:
            plain[position] = data.draw(st.integers(0, 255))
    take(store, bytes(cramjam.snappy.compress_raw(bytes(plain))))
    take(store, body[: data.draw(st.integers(0, len(body)))])


@pytest.mark.parametrize(
    "plain",
    [
        b"\x0a\x0d\x0a\x0b\x0a\x04__na\x12\x03abc" + b"\x80" * 30,
        b"\x0a\x16\x12\x14\x09" + b"\0" * 8 + b"\x10" + b"\xff" * 9 + b"\x7f",
        b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"\x0b" * 50,
        b"\x0a\x00" * 1000,
    ],
    ids=["varints without end", "a timestamp over 64 bits", "a huge length", "groups", "empty series"],
)  # fmt: skip
def test_known_nasty_encodings(store, plain):
    take(store, bytes(cramjam.snappy.compress_raw(plain)))


def test_a_small_body_that_claims_to_be_huge_costs_nothing(store):
    claims = b"\xff\xff\xff\xff\x0f" + b"\0" * 100
    tracemalloc.start()
    assert not take(store, claims)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_memory_stays_a_small_multiple_of_the_body(store):
    samples = {1_700_000_000_000 + i * 1000: 1.0 for i in range(20_000)}
    body = write_request([({"__name__": "much"}, samples)])
    size = len(cramjam.snappy.decompress_raw(body))
    take(store, body)
    tracemalloc.start()
    assert take(store, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * size


def test_times_beyond_64_bits_are_cut_to_them():
    sample = b"\x09" + np.float64(1).tobytes() + b"\x10" + b"\xff" * 9 + b"\x7f"
    series = b"\x12" + bytes([len(sample)]) + sample
    request = decode_write_request(b"\x0a" + bytes([len(series)]) + series)
    assert request.timestamps_ms.tolist() == [-1]
