from __future__ import annotations

import math

import pytest

from monitor.promql.functions.go_format import format_general, format_open_metrics, format_plain


@pytest.mark.parametrize(
    ("value", "plain", "general", "open_metrics"),
    [
        (0.0, "0", "0", "0.0"),
        (-0.0, "-0", "-0", "-0.0"),
        (1.0, "1", "1", "1.0"),
        (0.1, "0.1", "0.1", "0.1"),
        (123456.0, "123456", "123456", "123456.0"),
        (1e6, "1000000", "1e+06", "1e+06"),
        (1234567.5, "1234567.5", "1.2345675e+06", "1.2345675e+06"),
        (1e-4, "0.0001", "0.0001", "0.0001"),
        (1e-5, "0.00001", "1e-05", "1e-05"),
        (-2.5e100, "-25" + "0" * 99, "-2.5e+100", "-2.5e+100"),
        (math.inf, "+Inf", "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf", "-Inf"),
        (math.nan, "NaN", "NaN", "NaN"),
    ],
)
def test_numbers_read_as_go_writes_them(value: float, plain: str, general: str, open_metrics: str) -> None:
    assert format_plain(value) == plain
    assert format_general(value) == general
    assert format_open_metrics(value) == open_metrics
