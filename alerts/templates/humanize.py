"""Numbers for people, digit for digit as Prometheus writes them."""

from __future__ import annotations

import math

from alerts.templates.go_format import printf_text
from alerts.templates.go_time import NANOSECONDS_PER_SECOND, time_text
from alerts.templates.quoting import parse_float
from alerts.templates.values import Duration, Time, type_name

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
INT64_MAX = 2**63 - 1


def to_float(value: object) -> float:
    """A number, or the text of one, as a float. Raises ValueError as Prometheus words it."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, Duration):
        return value.nanoseconds / NANOSECONDS_PER_SECOND
    if not isinstance(value, str):
        raise ValueError(f"can't convert {type_name(value)} to float")
    return parse_float(value)


def _four_digits(number: float) -> str:
    return printf_text("%.4g", (number,))


def _has_no_magnitude(number: float) -> bool:
    return number == 0 or math.isnan(number) or math.isinf(number)


def _scaled(number: float, prefixes: tuple[str, ...], base: float) -> str:
    """`number` in the first unit in which it is below `base`."""
    prefix = ""
    for candidate in prefixes:
        if abs(number) < base:
            break
        prefix = candidate
        number /= base
    return _four_digits(number) + prefix


def _scaled_up(number: float) -> str:
    """A fraction of one in the first unit in which it is at least one."""
    prefix = ""
    for candidate in _SMALL:
        if abs(number) >= 1:
            break
        prefix = candidate
        number *= 1000
    return _four_digits(number) + prefix


def humanize(value: object) -> str:
    number = to_float(value)
    if _has_no_magnitude(number):
        return _four_digits(number)
    return _scaled(number, _LARGE, 1000.0) if abs(number) >= 1 else _scaled_up(number)


def humanize_1024(value: object) -> str:
    number = to_float(value)
    if abs(number) <= 1 or _has_no_magnitude(number):
        return _four_digits(number)
    return _scaled(number, _BINARY, 1024.0)


def humanize_percentage(value: object) -> str:
    return f"{_four_digits(to_float(value) * 100)}%"


def humanize_duration(value: object) -> str:
    number = to_float(value)
    if math.isnan(number) or math.isinf(number):
        return _four_digits(number)
    if number == 0:
        return f"{_four_digits(number)}s"
    if abs(number) < 1:
        return f"{_scaled_up(number)}s"
    return ("-" if number < 0 else "") + _days_to_seconds(abs(number))


def _days_to_seconds(number: float) -> str:
    whole = int(number)
    seconds, minutes, hours, days = whole % 60, whole // 60 % 60, whole // 3600 % 24, whole // 86_400
    if days:
        return f"{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{hours}h {minutes}m {seconds}s"
    return f"{minutes}m {seconds}s" if minutes else f"{_four_digits(number)}s"


def to_time(value: object) -> Time:
    """The instant that many seconds after 1970, to the millisecond. Raises ValueError if there is none."""
    number = to_float(value)
    if math.isnan(number) or math.isinf(number):
        raise ValueError("value is NaN or Inf")
    nanoseconds = number * 1e9
    if abs(nanoseconds) > INT64_MAX:
        shown = printf_text("%v", (number,))
        raise ValueError(f"{shown} cannot be represented as a nanoseconds timestamp since it overflows int64")
    milliseconds = int(int(nanoseconds) / 1_000_000)
    return Time(milliseconds * 1_000_000)


def to_duration(value: object) -> Duration:
    number = to_float(value)
    if math.isnan(number) or math.isinf(number):
        raise ValueError("value is NaN or Inf")
    return Duration(int(number * NANOSECONDS_PER_SECOND))


def humanize_timestamp(value: object) -> str:
    number = to_float(value)
    if math.isnan(number) or math.isinf(number):
        return _four_digits(number)
    return time_text(to_time(number))
