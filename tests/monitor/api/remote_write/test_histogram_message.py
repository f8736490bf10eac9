from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_histograms import HistogramSpec

from monitor.api.remote_write.histogram_message import decode_histogram
from monitor.errors import BadRequest

buckets = st.dictionaries(st.integers(-60, 60), st.integers(0, 10**6).map(float), max_size=12)
specs = st.builds(
    HistogramSpec,
    schema=st.integers(-4, 8),
    count=st.integers(0, 10**9).map(float),
    sum=st.floats(allow_nan=False, allow_infinity=False),
    zero_count=st.integers(0, 10**6).map(float),
    zero_threshold=st.floats(0, 10),
    negative=buckets,
    positive=buckets,
    hint=st.integers(0, 3),
)


@given(specs, st.integers(-(10**15), 10**15), st.booleans())
def test_what_is_encoded_is_decoded(spec: HistogramSpec, at_ms: int, as_integers: bool) -> None:
    sample = decode_histogram(spec.encoded(at_ms, as_integers=as_integers))

    assert (sample.timestamp_ms, sample.schema, sample.hint) == (at_ms, spec.schema, spec.hint)
    assert (sample.count, sample.sum, sample.zero_count) == (spec.count, spec.sum, spec.zero_count)
    assert (sample.negative, sample.positive) == (spec.negative, spec.positive)
    assert not sample.is_stale


@given(st.binary(max_size=60))
def test_any_bytes_are_a_histogram_or_refused(message: bytes) -> None:
    try:
        decode_histogram(message)
    except BadRequest as error:
        assert str(error)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x5a\x04\x08\x00\x10\x02", "got 0 buckets, want 2 as the spans say"),
        (b"\x5a\x07\x08\x00\x10\xff\xff\xff\x7f", "got 0 buckets, want 268435455 as the spans say"),
        (b"\x10\xff", "index out of range"),
        (b"\x70\x09", "9 is not a valid ResetHint"),
    ],
)
def test_a_broken_histogram_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        decode_histogram(message)
