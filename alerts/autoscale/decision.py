"""What a decision is made from, and everything it says about itself. All of it is plain data that can be stored."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Direction(enum.Enum):
    UP = "up"
    DOWN = "down"
    NONE = "none"
    UNKNOWN = "unknown"
    """There is a desired count, and nobody knows how many replicas there are."""


class Trust(enum.Enum):
    """How far the newest numbers can be believed."""

    FRESH = "fresh"
    HOLD = "hold"
    """No usable data: the last desired count stands."""
    DEGRADED = "degraded"
    """Usable data, but not enough of it to do everything that the policy allows."""


class Limit(enum.Enum):
    """What may change the raw desired count, in the order of application."""

    TOLERANCE = "tolerance"
    STABILIZATION = "stabilization"
    CHANGE_RATE = "change_rate"
    BURST = "burst"
    WATCHING = "watching"
    """Nothing scales down before a full scale-down window has been watched, after a start or an outage of data."""
    MAXIMUM = "maximum"
    MINIMUM = "minimum"


class Reason(enum.Enum):
    """Why the desired count is what it is. The first group names the last limit that changed it."""

    TARGET = "target"
    """What the load divided by the target gives, unlimited."""
    TOLERANCE = "tolerance"
    STABILIZATION = "stabilization"
    CHANGE_RATE = "change_rate"
    BURST = "burst"
    WATCHING = "watching"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"

    NO_DATA = "no_data"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_SINGLE_VALUE = "not_a_single_value"
    STALE = "stale"
    PARTIAL = "partial"
    QUERY_FAILED = "query_failed"


class ReplicasSource(enum.Enum):
    """Where the current replica count comes from."""

    ACTUATOR = "actuator"
    RECEIPT = "receipt"
    """What the receiver said after the last change."""
    ASSUMED = "assumed"
    """The last desired count: nobody reported."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer to one instant query. `value` is None unless there was exactly one element.

    `timestamp_ms` is that of the newest sample behind the value, None if the engine cannot tell. An answer with a
    `warning` is not the whole truth.
    """

    value: float | None = None
    timestamp_ms: int | None = None
    elements: int = 0
    error: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a decision knows of the world at one moment. `replicas` is what was last ordered, ready or not."""

    reading: Reading
    burst_reading: Reading | None = None
    replicas: int | None = None
    ready_replicas: int | None = None
    replicas_source: ReplicasSource = ReplicasSource.UNKNOWN


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a decision would have asked for before any stabilization."""

    at_ms: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the replica count that was carried out."""

    at_ms: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class State:
    """What a policy remembers from decision to decision.

    `recommendations` ascend in time and hold only those that can still be the highest or lowest of some window.
    `watched_since_ms` is the begin of the present unbroken series of good readings, `watched_at_ms` its end.
    """

    last_desired: int | None = None
    recommendations: tuple[Recommendation, ...] = ()
    changes: tuple[Change, ...] = ()
    watched_since_ms: int | None = None
    watched_at_ms: int | None = None
    burst_until_ms: int = 0
    burst_peak: int = 0


@dataclass(frozen=True, slots=True)
class Inputs:
    """The numbers that the formula used. `value` may be NaN when the decision is a hold."""

    expression: str
    value: float | None
    age_seconds: float | None
    target: float
    replicas: int | None
    replicas_source: ReplicasSource
    ready_replicas: int | None


@dataclass(frozen=True, slots=True)
class BurstView:
    """What the burst window saw. `fault` is why its reading could not be used."""

    value: float | None
    desired: int | None
    is_active: bool
    until_ms: int
    peak: int
    fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class Clamp:
    """One limit as it was applied; it was binding if `before` and `after` differ."""

    limit: Limit
    before: int
    after: int
    detail: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """What the raw desired count would have become under one limit alone."""

    limit: Limit
    desired: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer to "how many replicas?", with the whole way to it.

    `desired` is None only if nothing is known: no usable data, no earlier decision, no replica count.
    `recommendation` is what later stabilization windows will remember; None on a hold.
    """

    policy: str
    at_ms: int
    inputs: Inputs
    raw_desired: int | None
    formula: str
    clamps: tuple[Clamp, ...]
    desired: int | None
    direction: Direction
    reason: Reason
    trust: Trust
    detail: str
    alternatives: tuple[Alternative, ...]
    min_replicas: int
    max_replicas: int
    dry_run: bool
    recommendation: int | None = None
    burst: BurstView | None = None

    @property
    def wants_change(self) -> bool:
        """Whether there is something for an actuator to do."""
        return self.desired is not None and self.desired != self.inputs.replicas
