"""Values and timestamps as texts, against a slow and exact reference."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.shapes.float_text import float_text, float_texts, short_timestamp_text, timestamp_text, timestamp_texts
from monitor.model.samples import STALE


def reference(value: float) -> str:
    """Go's strconv.AppendFloat(value, 'f' or 'e', -1, 64), from the shortest digits that Python's repr finds too."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    minus = "-" if sign else ""
    if value == 0:
        return f"{minus}0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal((sign, digits, exponent)), "f")
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    power = exponent + len(digits) - 1
    return f"{minus}{head}{'.' if tail else ''}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"


any_float = st.one_of(
    st.floats(),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.integers(-(2**70), 2**70).map(float),
    st.floats(-1e-4, 1e-4),
    st.floats(1e14, 1e22),
    st.integers(-1000, 1000).map(lambda number: number / 8),
    st.just(STALE),
)


@given(any_float)
def test_one_value_is_spelled_as_go_spells_it(value):
    assert float_text(value) == reference(value)


@given(st.lists(any_float, max_size=80))
def test_many_values_are_spelled_as_go_spells_them(values):
    assert float_texts(np.array(values, np.float64)) == [reference(value).encode() for value in values]


@given(st.lists(st.integers(-(2**54), 2**54).map(float), min_size=30, max_size=60))
def test_whole_numbers_have_no_fraction(values):
    assert float_texts(np.array(values)) == [reference(value).encode() for value in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (9.999e-7, "9.999e-07"),
        (1e-7, "1e-07"),
        (123456789012345680.0, "123456789012345680"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_a_value_alone_and_among_many_reads_the_same(value, text):
    assert float_text(value) == text
    assert float_texts(np.full(50, value)) == [text.encode()] * 50


@pytest.mark.parametrize(
    ("timestamp_ms", "text", "short_text"),
    [
        (0, "0", "0"),
        (1500, "1.500", "1.5"),
        (1_700_000_000_000, "1700000000", "1700000000"),
        (1_700_000_000_120, "1700000000.120", "1700000000.12"),
        (5, "0.005", "0.005"),
        (-4500, "-4.500", "-4.5"),
        (-10_000, "-10", "-10"),
        (100_000, "100", "100"),
    ],
)
def test_timestamps_have_no_or_three_decimals_in_vectors_and_as_few_as_needed_in_scalars(
    timestamp_ms, text, short_text
):
    assert timestamp_text(timestamp_ms) == text.encode()
    assert short_timestamp_text(timestamp_ms) == short_text.encode()


@given(st.lists(st.integers(-(2**53), 2**53), max_size=20))
def test_many_timestamps_read_as_each_alone(timestamps_ms):
    texts = timestamp_texts(np.array(timestamps_ms, np.int64))
    assert texts == [timestamp_text(timestamp_ms) for timestamp_ms in timestamps_ms]


@given(st.lists(st.integers(-(2**53), 2**53).map(lambda seconds: seconds * 1000), min_size=1, max_size=20))
def test_many_whole_seconds_read_as_each_alone(timestamps_ms):
    texts = timestamp_texts(np.array(timestamps_ms, np.int64))
    assert texts == [timestamp_text(timestamp_ms) for timestamp_ms in timestamps_ms]
