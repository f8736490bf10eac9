"""Functions of one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from monitor.model.samples import Values

_HYPERBOLIC_TAIL = 21
"""Above this the smaller of the two exponentials is less than half a digit of the larger."""


def _sign(values: Values) -> Values:
    """-1 or 1; zeros and NaN as they are."""
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def _hyperbolic_cosine(values: Values) -> Values:
    """As Go's, which is infinite where already the exponential is."""
    magnitudes = np.abs(values)
    return np.where(magnitudes > _HYPERBOLIC_TAIL, np.exp(magnitudes) * 0.5, np.cosh(values))


def _hyperbolic_sine(values: Values) -> Values:
    """As Go's, see _hyperbolic_cosine."""
    magnitudes = np.abs(values)
    tail = np.copysign(np.exp(magnitudes) * 0.5, values)
    return np.where(magnitudes > _HYPERBOLIC_TAIL, tail, np.sinh(values))


def _radians(values: Values) -> Values:
    return values * np.pi / 180


def _degrees(values: Values) -> Values:
    return values * 180 / np.pi


ELEMENTWISE: Mapping[str, Callable[[Values], Values]] = MappingProxyType(
    {
        "abs": np.abs,
        "acos": np.arccos,
        "acosh": np.arccosh,
        "asin": np.arcsin,
        "asinh": np.arcsinh,
        "atan": np.arctan,
        "atanh": np.arctanh,
        "ceil": np.ceil,
        "cos": np.cos,
        "cosh": _hyperbolic_cosine,
        "deg": _degrees,
        "exp": np.exp,
        "floor": np.floor,
        "ln": np.log,
        "log10": np.log10,
        "log2": np.log2,
        "rad": _radians,
        "sgn": _sign,
        "sin": np.sin,
        "sinh": _hyperbolic_sine,
        "sqrt": np.sqrt,
        "tan": np.tan,
        "tanh": np.tanh,
    }
)


def clamp(values: Values, low: Values, high: Values) -> Values:
    """`values` (S, T) between `low` and `high` (T,), NaN staying NaN unless a bound is infinite and decides."""
    return larger(low, smaller(high, values))


def smaller(a: Values, b: Values) -> Values:
    """Go's math.Min: NaN if one is NaN, unless the other is -Inf; and -0 is less than 0."""
    smallest = np.where((a == 0) & (b == 0), -(-a + -b), np.minimum(a, b))
    return np.where((a == -np.inf) | (b == -np.inf), -np.inf, smallest)


def larger(a: Values, b: Values) -> Values:
    """Go's math.Max: NaN if one is NaN, unless the other is +Inf; and 0 is more than -0."""
    largest = np.where((a == 0) & (b == 0), a + b, np.maximum(a, b))
    return np.where((a == np.inf) | (b == np.inf), np.inf, largest)


def round_to(values: Values, nearest: Values) -> Values:
    """To multiples of `nearest` (T,); ties go up."""
    inverse = 1.0 / nearest
    rounded: Values = np.floor(values * inverse + 0.5) / inverse
    return rounded
