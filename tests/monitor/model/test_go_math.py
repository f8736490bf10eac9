from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.go_math import exp2, log2
from monitor.model.native_histograms import HistogramShape, upper_bounds


def test_powers_have_the_last_bits_that_go_gives_them() -> None:
    assert exp2(np.array([0.0, 0.5, 10.0, -1074.0, 1024.0, -2000.0])).tolist() == [
        1.0, 1.414213562373095, 1024.0, 5e-324, math.inf, 0.0,
    ]  # fmt: skip
    assert math.isnan(exp2(np.array([math.nan]))[0])


@given(st.floats(-1000, 1000))
def test_powers_are_powers(exponent: float) -> None:
    assert math.isclose(float(exp2(np.array(exponent))), 2**exponent, rel_tol=1e-15)


@given(st.floats(5e-324, allow_infinity=False))
def test_logarithms_are_logarithms(value: float) -> None:
    assert math.isclose(float(log2(np.array([value]))[0]), math.log2(value), rel_tol=1e-15, abs_tol=1e-15)


def test_the_bounds_of_a_schema_are_those_of_upstreams_table() -> None:
    nothing = np.empty(0, np.int64)
    shape = HistogramShape(3, 0.0, (), nothing, nothing)

    assert upper_bounds(shape, np.arange(-8, 0)).tolist() == [
        0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
        0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
    ]  # fmt: skip
