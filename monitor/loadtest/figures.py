"""A figure of a load test as the load generator has it and as we have it, and what lies between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

# Of sums of doubles, as a share of the reference.
_ROUNDING = 1e-9


class Unit(Enum):
    """What a figure is counted in. Shares are from 0 to 1."""

    COUNT = "count"
    PER_SECOND = "per second"
    SECONDS = "seconds"
    BYTES = "bytes"
    BYTES_PER_SECOND = "bytes per second"
    CORES = "cores"
    SHARE = "share"


class Cause(Enum):
    """Why the generator's figure is another than ours; the value is what people read."""

    IN_FLIGHT = "in flight when the generator stopped"
    NOT_SEEN_BY_SERVER = "socket errors, which the server does not see"
    LATE = "answers after 2 s and more, which wrk calls timeouts and leaves out of its latencies"
    SCRAPER_CONNECTION = "scraper's connection opened again"
    BETWEEN_SCRAPES = "more of it between two scrapes"
    SERVER_WORK = "server's work outside of the handler"
    GC = "garbage collector's pauses"
    STALL = "ready, and the runtime was busy"
    SERVER_SOCKET = "in the socket, not read by the server"
    UNTIL_ANSWERED = "outside of the handler, until the answer's last packet"
    OUTSIDE_HANDLER = "outside of the handler, as our own requests have waited"
    GENERATOR_SOCKET = "answer in the socket, not read by the generator"
    CONNECTING = "connecting, and the generator at other connections"
    COORDINATED_OMISSION = "wrk's correction for coordinated omission"


@dataclass(frozen=True, slots=True)
class Between:
    """From the least to the most that a value can have been, both inclusive."""

    least: float
    most: float

    def nearest(self, value: float) -> float:
        return min(max(value, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Part:
    """`value` is added to our figure on the way to the generator's; it may be negative.

    One that `is_derived` was not measured: it is what the difference needs, within what is possible.
    """

    cause: Cause
    value: float
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. None is what cannot be had, and `reason` says why. Not `is_judged`: the difference is shown, and
    nothing is known of its causes.

    `proc` is the kernel's figure, where the generator has none. `allowed`, inclusive, is how much may be left
    unexplained. `shown` is what the server itself has shown, if ours is what a service has stored of it; a gauge may be
    `shown_allowed` beside that.
    """

    name: str
    unit: Unit
    generator: float | None
    plimsoll: float | None
    allowed: float = 0.0
    parts: tuple[Part, ...] = ()
    proc: float | None = None
    reason: str = ""
    is_judged: bool = True
    shown: Between | None = None
    shown_allowed: float = 0.0

    @property
    def reference(self) -> float | None:
        """What ours is compared with: the server itself, if nobody else sees such a thing."""
        if self.generator is not None:
            return self.generator
        if self.proc is None and self.shown is not None and self.plimsoll is not None:
            return self.shown.nearest(self.plimsoll)
        return self.proc

    @property
    def difference(self) -> float | None:
        """Ours less the reference."""
        if self.reference is None or self.plimsoll is None:
            return None
        return self.plimsoll - self.reference

    @property
    def rest(self) -> float | None:
        """What no part explains: the reference less ours less all parts."""
        if self.difference is None or not self.is_judged:
            return None
        rest = -self.difference - math.fsum(part.value for part in self.parts)
        return 0.0 if abs(rest) <= _ROUNDING * abs(self.reference or 0.0) else rest

    @property
    def is_stored_as_shown(self) -> bool | None:
        """Whether the service has stored what the server has shown; None without a service."""
        if self.shown is None:
            return None
        if self.plimsoll is None:
            return False
        allowed = self.shown_allowed + _ROUNDING * abs(self.shown.most)
        return abs(self.plimsoll - self.shown.nearest(self.plimsoll)) <= allowed

    @property
    def agrees(self) -> bool | None:
        """Whether the rest is within what is allowed, and ours is what the server has shown; None if there is nothing
        to compare."""
        if self.is_stored_as_shown is False:
            return False
        return None if self.rest is None else abs(self.rest) <= self.allowed

    @property
    def agrees_by_derived_part(self) -> bool:
        """Whether it agrees, and would not with the measured parts alone."""
        if not self.agrees or self.rest is None:
            return False
        return abs(self.rest + math.fsum(part.value for part in self.parts if part.is_derived)) > self.allowed
