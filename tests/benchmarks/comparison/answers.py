"""Answers of the query API, point by point, and whether two say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping

import orjson

Point = tuple[tuple[tuple[str, str], ...], float]
"""Labels of a series in order of their names, and a time in seconds."""

TOLERANCE = 1e-6
"""Relative: systems add in different orders, and one of them keeps fewer digits."""


def points_of(answer: bytes) -> dict[Point, str]:
    """Values as they are written, of an instant vector or a matrix."""
    points = {}
    for series in orjson.loads(answer)["data"]["result"]:
        labels = tuple(sorted(series["metric"].items()))
        for at, value in series["values"] if "values" in series else [series["value"]]:
            points[labels, round(float(at), 3)] = value
    return points


def differing_share(points: Mapping[Point, str], expected: Mapping[Point, str]) -> float:
    """Of the points of both: those that only one has, or whose values are apart by more than TOLERANCE."""
    everything = points.keys() | expected.keys()
    different = sum(not _is_close(points.get(point), expected.get(point)) for point in everything)
    return different / len(everything) if everything else 0.0


def _is_close(value: str | None, expected: str | None) -> bool:
    if value is None or expected is None:
        return False
    if value == expected:
        return True
    left, right = float(value), float(expected)
    return (math.isnan(left) and math.isnan(right)) or math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12)
