from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scrape.exposition.go_float import format_openmetrics_float, parse_go_float, parse_value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_being_written_and_read(value: float) -> None:
    assert parse_value(repr(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+1", 1.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0", 0.0),
        ("1E+05", 1e5),
        ("1e-999", 0.0),
        ("0e999", 0.0),
        ("007", 7.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("+INF", math.inf),
    ],
)
def test_a_value_is_read_as_go_reads_it(text: str, value: float) -> None:
    assert parse_value(text.encode()) == value


def test_not_a_number_is_a_value() -> None:
    assert math.isnan(parse_value(b"nAn"))


@pytest.mark.parametrize(
    "text", ["", ".", "e5", "1e", "0x10", "0x1p4", "1_0", "+nan", "1 ", "1\r", "१", "1e999", "infi", "--1"]
)
def test_what_prometheus_refuses_as_a_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|out of range"):
        parse_value(text.encode())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0x1p4", 16.0),
        ("0x_1p1", 2.0),
        ("-0X.8p1", -1.0),
        ("1_0", 10.0),
        ("1__0", None),
        ("_1", None),
        ("0x10", None),
        ("0x1p99999", None),
        ("abc", None),
        ("", None),
        ("١", None),
    ],
)
def test_labels_may_hold_any_number_that_go_can_read(text: str, number: float | None) -> None:
    assert parse_go_float(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1.0"),
        (0.5, "0.5"),
        (-0.0, "0.0"),
        (1e6, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (100000.0, "100000.0"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (-2.5, "-2.5"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_bucket_bound_gets_its_canonical_text(number: float, text: str) -> None:
    assert format_openmetrics_float(number) == text
