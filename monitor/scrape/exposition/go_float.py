"""Numbers as exposition text writes them: Go's strconv.ParseFloat, and OpenMetrics' way to print them back.

Source: Go's strconv/atof.go; prometheus model/textparse (parseFloat, formatOpenMetricsFloat).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_DECIMAL = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+")
_INFINITY = re.compile(rb"([+-]?)inf(?:inity)?", re.IGNORECASE)
_NAN = re.compile(rb"nan", re.IGNORECASE)
_UNDERSCORE_BETWEEN_DIGITS = re.compile(rb"(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F])")
_HEXADECIMAL = re.compile(rb"[+-]?0[xX](?:[0-9a-fA-F]++(?:\.[0-9a-fA-F]*+)?+|\.[0-9a-fA-F]++)[pP][+-]?[0-9]++")


def parse_value(token: bytes) -> float:
    """The number a sample's value text stands for. Raises ValueError saying what is wrong.

    Hexadecimal numbers and underscores are refused as in Prometheus, and so is a number too large for a float64;
    one too small is 0. Correctly rounded.
    """
    if _DECIMAL.fullmatch(token):
        value = float(token)
        if math.isinf(value):
            raise ValueError("value out of range of a float64")
        return value
    infinity = _INFINITY.fullmatch(token)
    if infinity:
        return -math.inf if infinity[1] == b"-" else math.inf
    if _NAN.fullmatch(token):
        return math.nan
    raise ValueError("not a number")


def parse_go_float(text: str) -> float | None:
    """The number that Go's ParseFloat reads in `text`, hexadecimal and underscores included; None if it reads none."""
    token = text.encode()
    if b"_" in token:
        token = _UNDERSCORE_BETWEEN_DIGITS.sub(b"", token)
    if not _HEXADECIMAL.fullmatch(token):
        try:
            return parse_value(token)
        except ValueError:
            return None
    try:
        return float.fromhex(token.decode())
    except OverflowError:
        return None


def format_openmetrics_float(value: float) -> str:
    """The canonical text of a number in an `le` or `quantile` label: `0.5`, `1.0`, `1e+06`, `+Inf`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), f"BUG: got exponent {exponent!r} of a finite number"
    scientific_exponent = len(digits) - 1 + exponent
    # Go's format 'g' at the shortest precision: below 1e-04 and from 1e+06 on it writes an exponent.
    if not -4 <= scientific_exponent < 6:
        return _with_exponent(sign, digits, scientific_exponent)
    text = format(Decimal((sign, digits, exponent)), "f")
    return text if "." in text else f"{text}.0"


def _with_exponent(sign: int, digits: tuple[int, ...], exponent: int) -> str:
    first, *rest = (str(digit) for digit in digits)
    fraction = f".{''.join(rest)}" if rest else ""
    return f"{'-' if sign else ''}{first}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
