"""Numbers and durations as they are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.syntax.number_literals import duration_seconds, number_value, scan_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1", 1.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1_000", 1000.0),
        ("1_000.5", 1000.5),
        ("0x1F", 31.0),
        ("0X_1f", 31.0),
        ("010", 8.0),
        ("0_10", 8.0),
        ("08", 8.0),
        ("iNf", math.inf),
        ("9223372036854775808", 2.0**63),
        ("077777777777777777777777777", 77777777777777777777777777.0),
    ],
)
def test_a_number_has_the_value_that_go_gives_it(text: str, value: float) -> None:
    assert number_value(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1e400", "value out of range"), ("0xffffffffffffffffff", "invalid syntax"), ("0x", "invalid syntax")],
)
def test_a_number_without_a_value_is_refused_in_gos_words(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f'^error parsing number: strconv.ParseFloat: parsing "{text}": {reason}$'):
        number_value(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300.0), ("1h30m", 5400.0), ("1y2w3d4h5m6s7ms", 33019506.007), ("0s", 0.0), ("1001ms", 1.001)],
)
def test_a_duration_is_worth_its_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5m5d", 'not a valid duration string: "5m5d"'),
        ("5m5m", 'not a valid duration string: "5m5m"'),
        (".5h", 'not a valid duration string: ".5h"'),
        ("1.5h", 'unknown unit "." in duration "1.5h"'),
        ("5hs", 'unknown unit "hs" in duration "5hs"'),
        ("300y", "duration out of range"),
    ],
)
def test_a_bad_duration_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        duration_seconds(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cut", "is_duration"),
    [
        ("1_000 + 1", "1_000", False),
        ("0x1f)", "0x1f", False),
        ("0.5.5", "0.5.5", False),
        ("1h30m]", "1h30m", True),
        ("1.5h", "1.5h", True),
        ("5hs", "5hs", True),
    ],
)
def test_a_literal_is_cut_where_upstream_cuts_it(text: str, cut: str, is_duration: bool) -> None:
    scanned = scan_number(text, 0)

    assert scanned.is_valid
    assert (text[: scanned.end], scanned.is_duration) == (cut, is_duration)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1__0", "1__"), ("1.5.5", "1.5."), ("1e5e5", "1e5e"), ("1x", "1"), ("5mx", "5mx"), ("5m5", "5m5"), ("1_", "1_")],
)
def test_a_malformed_literal_is_shown_up_to_the_character_that_breaks_it(text: str, shown: str) -> None:
    scanned = scan_number(text, 0)

    assert not scanned.is_valid
    assert text[: scanned.end] == shown


@given(st.floats(min_value=0, allow_infinity=False))
def test_pythons_spelling_of_a_float_is_cut_whole_and_has_its_value(value: float) -> None:
    text = repr(value)

    assert scan_number(text, 0).end == len(text)
    assert number_value(text) == value
