"""What the demo knows of the shop at one moment, all of it answered by the service's HTTP API."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class AlertStanding(enum.Enum):
    """The most urgent state among the shop's alerts."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Numbers are None where the service has none (yet). `replicas` are the processes that answer scrapes.

    `cpu_ratio` is 1 for one core; `gc_pause_seconds` the mean of the last seconds. `decision` is the last one on
    record that asked for another count, in its own words.
    """

    requests_per_second: float | None = None
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    memory_bytes: float | None = None
    cpu_ratio: float | None = None
    gc_pause_seconds: float | None = None
    replicas: int = 0
    desired: int | None = None
    alert: AlertStanding = AlertStanding.INACTIVE
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """`at_seconds` counts from the start of the story."""

    at_seconds: float
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification that reached the demo's receiver. `is_verified`: its signature is right."""

    at_ms: int
    status: str
    alerts: tuple[str, ...]
    summary: str
    is_verified: bool
