"""Powers and logarithms of two as Go computes them, to the last bit: the bounds of histograms are shown as text.

Source: math/exp.go (exp2, expmulti) and math/log10.go (log2) of Go 1.26.
"""

from __future__ import annotations

import math

import numpy as np

from monitor.model.samples import Values

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_REMEZ = (
    1.66666666666666657415e-01,
    -2.77777777770155933842e-03,
    6.61375632143793436117e-05,
    -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)


def exp2(exponents: Values) -> Values:
    """Two to the power of each, of any shape."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        usual = np.clip(np.nan_to_num(exponents, nan=0.0), -1100.0, 1100.0)
        whole = np.trunc(usual + np.copysign(0.5, usual))
        rest = usual - whole
        high, low = rest * _LN2_HIGH, -rest * _LN2_LOW
        reduced = high - low
        square = reduced * reduced
        tail = np.zeros_like(reduced)
        for coefficient in reversed(_REMEZ):
            tail = square * (coefficient + tail)
        correction = reduced - tail
        mantissa = 1 - ((low - (reduced * correction) / (2 - correction)) - high)
        powers = np.ldexp(mantissa, whole.astype(np.int32))
    return np.asarray(np.where(np.isnan(exponents), np.nan, powers))


def log2(values: Values) -> Values:
    """The logarithm of each, of any shape; NaN below 0."""
    fractions, exponents = np.frexp(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(fractions) * (1 / math.log(2)) + exponents
    return np.asarray(np.where(fractions == 0.5, exponents - 1.0, logarithms))
