"""One measured figure of all systems, what it must be, and whether it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

OURS = "plimsoll"


class Better(Enum):
    LOWER = "lower"
    HIGHER = "higher"


class Against(Enum):
    """What our value is divided by before it is compared; by 1 in the last case."""

    BEST_PEER = "best peer"
    PROMETHEUS = "Prometheus"
    NOTHING = "itself"


class Verdict(Enum):
    PASS = "pass"
    MISS = "MISS"
    NO_PEER = "no peer"
    NO_TARGET = ""


@dataclass(frozen=True, slots=True)
class Must:
    """The limit of a ratio, inclusive: at most so much where lower is better, at least so much otherwise."""

    limit: float
    against: Against = Against.BEST_PEER


@dataclass(frozen=True, slots=True)
class Figure:
    """`values` by the names of systems; None where one could not be measured."""

    workload: str
    name: str
    unit: str
    values: Mapping[str, float | None]
    must: Must | None = None
    better: Better = Better.LOWER

    @property
    def against(self) -> Against:
        return self.must.against if self.must else Against.BEST_PEER

    @property
    def ratio(self) -> float | None:
        """Our value against what it is compared with; None if either is missing or the other is 0."""
        ours, reference = self.values.get(OURS), self._reference()
        if ours is None or not reference:
            return None
        return ours / reference

    @property
    def verdict(self) -> Verdict:
        if self.must is None:
            return Verdict.NO_TARGET
        if self.ratio is None:
            return Verdict.NO_PEER if self.values.get(OURS) is not None else Verdict.MISS
        is_met = self.ratio <= self.must.limit if self.better is Better.LOWER else self.ratio >= self.must.limit
        return Verdict.PASS if is_met else Verdict.MISS

    def _reference(self) -> float | None:
        if self.against is Against.NOTHING:
            return 1.0
        if self.against is Against.PROMETHEUS:
            return self.values.get("prometheus")
        peers = [value for name, value in self.values.items() if name != OURS and value is not None]
        choose = min if self.better is Better.LOWER else max
        return choose(peers) if peers else None


@dataclass(frozen=True, slots=True)
class Detail:
    """A table beside the figures."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one workload found."""

    figures: tuple[Figure, ...] = ()
    details: tuple[Detail, ...] = ()


def geometric_mean(values: list[float]) -> float | None:
    """None without values; all must be positive."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None
