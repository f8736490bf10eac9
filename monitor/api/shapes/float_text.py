"""Sample values and timestamps as JSON texts, spelled as Prometheus spells them (util/jsonutil/marshal.go).

A value is Go's shortest decimal: without an exponent for 1e-6 <= |v| < 1e21 and for 0, otherwise with one.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import orjson

from monitor.model.samples import Timestamps, Values

_PLAIN_FROM, _PLAIN_BELOW = 1e-6, 1e21
# Inside of these bounds orjson and Go differ at most by a trailing ".0", whatever algorithm orjson prints with.
_ALIKE_FROM, _ALIKE_BELOW = 1e-5, 1e15
_FEW = 24
"""Up to here one text after the other is faster than the fixed cost of the array operations."""


def float_text(value: float) -> str:
    """One value: `1`, `0.25`, `1e-07`, `NaN`, `+Inf`, `-0`."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "n" in text:
        return _not_finite(value)
    if "e" in text and _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return format(Decimal(text), "f")
    return text


def float_texts(values: Values) -> list[bytes]:
    """The texts of N values, (N,), contiguous: about 60 ns each, 25 ns if all are whole numbers."""
    if len(values) <= _FEW:
        return [float_text(value).encode() for value in values.tolist()]
    magnitude = np.abs(values)
    with np.errstate(invalid="ignore"):  # some NaNs are signalling ones
        is_whole = np.rint(values) == values
    is_zero, is_nan = magnitude == 0, np.isnan(values)
    is_alike = is_zero | ((magnitude >= _ALIKE_FROM) & (magnitude < _ALIKE_BELOW))
    if (is_whole & is_alike).all() and not (np.signbit(values) & is_zero).any():
        text = orjson.dumps(values.astype(np.int64), option=orjson.OPT_SERIALIZE_NUMPY)
        return text[1:-1].split(b",")
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    if is_whole.any():
        text = text.replace(b".0,", b",").replace(b".0]", b"]")
    if is_nan.any():
        text = text.replace(b"null", b"NaN")
    texts = text[1:-1].split(b",")
    odd = np.flatnonzero(~(is_alike | is_nan))
    for position, value in zip(odd.tolist(), values[odd].tolist(), strict=True):
        texts[position] = float_text(value).encode()
    return texts


def timestamp_text(timestamp_ms: int) -> bytes:
    """Seconds as in vectors and matrices: without a fraction, or with exactly three digits of one."""
    seconds, ms = divmod(abs(timestamp_ms), 1000)
    sign = "-" if timestamp_ms < 0 else ""
    return (f"{sign}{seconds}.{ms:03d}" if ms else f"{sign}{seconds}").encode()


def short_timestamp_text(timestamp_ms: int) -> bytes:
    """Seconds as in scalars and strings, where upstream prints a plain JSON number: `1.5`."""
    text = timestamp_text(timestamp_ms)
    return text.rstrip(b"0") if b"." in text else text


def timestamp_texts(timestamps_ms: Timestamps) -> list[bytes]:
    """The texts of N timestamps, (N,). Equal ones are printed once: many series share their timestamps."""
    seconds = timestamps_ms // 1000
    if len(seconds) and (seconds * 1000 == timestamps_ms).all():
        return orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    different, which = np.unique(timestamps_ms, return_inverse=True)
    texts = [timestamp_text(timestamp_ms) for timestamp_ms in different.tolist()]
    return [texts[number] for number in which.tolist()]


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"
