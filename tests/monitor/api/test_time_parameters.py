"""Times and durations as clients write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS, parse_duration_ns, parse_time_ms


@pytest.mark.parametrize(
    ("text", "timestamp_ms"),
    [
        ("4", 4_000),
        ("0", 0),
        ("-4.5", -4_500),
        ("-0.001", -1),
        ("1700000000.123", 1_700_000_000_123),
        ("1.7e9", 1_700_000_000_000),
        ("1970-01-01T00:00:04Z", 4_000),
        ("2020-01-01T00:00:00.5+01:00", 1_577_833_200_500),
        ("2020-01-01T00:00:00.123456789Z", 1_577_836_800_123),
        ("1969-12-31T23:59:59-00:30", 1_799_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("-292273086-05-16T16:47:06Z", TIME_MIN_MS),
        ("292277025-08-18T07:12:54.999999999Z", TIME_MAX_MS),
    ],
)
def test_a_time_is_seconds_or_rfc3339(text, timestamp_ms):
    assert parse_time_ms(text) == timestamp_ms


@pytest.mark.parametrize(
    "text",
    ["", "abc", "NaN", "+Inf", "1e300", "1e17", "2020-01-01", "2020-01-01T00:00:00", "2020-13-01T00:00:00Z",
     "2020-01-01t00:00:00z", " 1", "1 ", "٤", "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z", "0000-01-01T00:00:00Z"],
)  # fmt: skip
def test_anything_else_is_no_time(text):
    with pytest.raises(ValueError, match=r'^cannot parse ".*" to a valid timestamp$'):
        parse_time_ms(text)


@given(st.integers(-(2**40), 2**41))
def test_milliseconds_survive_as_seconds_with_three_decimals(timestamp_ms):
    sign, size = ("-" if timestamp_ms < 0 else ""), abs(timestamp_ms)
    assert abs(parse_time_ms(f"{sign}{size // 1000}.{size % 1000:03d}") - timestamp_ms) <= 1


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(0, 999))  # noqa: DTZ001
def test_rfc3339_times_are_exact(moment, ms):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400_000
    expected += moment.hour * 3_600_000 + moment.minute * 60_000 + moment.second * 1000 + ms
    assert parse_time_ms(f"{moment.isoformat().removesuffix('+00:00')}.{ms:03d}Z") == expected


@given(st.text(max_size=30))
def test_no_text_breaks_the_parsers(text):
    for parse in (parse_time_ms, parse_duration_ns):
        try:
            assert isinstance(parse(text), int)
        except ValueError as error:
            assert "cannot parse" in str(error)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("15", 15_000_000_000), ("0.5", 500_000_000), ("1m30s", 90_000_000_000), ("200ms", 200_000_000),
     ("-1", -1_000_000_000), ("0", 0), ("1e-3", 1_000_000), ("1d", 86_400_000_000_000)],
)  # fmt: skip
def test_a_duration_is_seconds_or_units(text, nanoseconds):
    assert parse_duration_ns(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'cannot parse "" to a valid duration'),
        ("1d1x", 'cannot parse "1d1x" to a valid duration'),
        ("-1m", 'cannot parse "-1m" to a valid duration'),
        ("1e20", 'cannot parse "1e20" to a valid duration. It overflows int64'),
        ("NaN", 'cannot parse "NaN" to a valid duration. It overflows int64'),
    ],
)
def test_anything_else_is_no_duration(text, message):
    with pytest.raises(ValueError) as refused:
        parse_duration_ns(text)
    assert str(refused.value) == message
