"""A chart of one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
GAP, NOT_A_NUMBER = " ", "·"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """At most `width` characters; each is the largest of the values that it stands for.

    None is a gap, NaN a dot. The lowest bar is the lowest value of all, the highest the highest; infinite values are
    drawn as these.
    """
    points = [_largest(part) for part in _parts(values, width)]
    finite = [point for point in points if point is not None and math.isfinite(point)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_character(point, low, high) for point in points)


def _parts(values: Sequence[float | None], width: int) -> list[Sequence[float | None]]:
    columns = min(width, len(values))
    bounds = [len(values) * column // columns for column in range(columns + 1)] if columns else [0]
    return [values[start:end] for start, end in pairwise(bounds)]


def _largest(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    numbers = [value for value in present if not math.isnan(value)]
    if numbers:
        return max(numbers)
    return math.nan if present else None


def _character(value: float | None, low: float, high: float) -> str:
    if value is None:
        return GAP
    if math.isnan(value):
        return NOT_A_NUMBER
    if value <= low or value == -math.inf:
        return _BARS[0]
    # Halved first: the span of the largest floats is not one.
    share = 1.0 if value >= high else (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]
