"""Numbers spelled as Go spells them: in labels and messages that must read as Prometheus's do."""

from __future__ import annotations

import math
from decimal import Decimal

_NOT_FINITE = {math.inf: "+Inf", -math.inf: "-Inf"}


def _not_finite(value: float) -> str | None:
    return "NaN" if math.isnan(value) else _NOT_FINITE.get(value)


def format_plain(value: float) -> str:
    """strconv.FormatFloat(value, 'f', -1, 64): the shortest exact decimal without exponent."""
    return _not_finite(value) or _trimmed(format(Decimal(repr(value)), "f"))


def format_general(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 64), which is also %g and %v of package fmt."""
    special = _not_finite(value)
    if special:
        return special
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), f"BUG: got {value!r}, want a finite number"
    magnitude = exponent + len(digits) - 1
    if value == 0 or -4 <= magnitude < 6:
        return format_plain(value)
    text = "".join(map(str, digits))
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{'-' if sign else ''}{mantissa}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"


def format_open_metrics(value: float) -> str:
    """As `format_general`, but never looking like an integer (Prometheus's labels.FormatOpenMetricsFloat)."""
    text = format_general(value)
    return text if not math.isfinite(value) or "." in text or "e" in text else f"{text}.0"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
