"""How a target is doing, for people and for the API."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from monitor.errors import ScrapeFailure
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.target import DroppedTarget, Target


class TargetHealth(enum.Enum):
    """UNKNOWN until the first scrape has ended."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target now. `last_scrape_ms` is 0 before the first scrape; `last_error` is empty after a good one.

    `metadata` is what its last good body said of its families.
    """

    target: Target
    health: TargetHealth = TargetHealth.UNKNOWN
    last_error: str = ""
    last_failure: ScrapeFailure | None = None
    last_scrape_ms: int = 0
    last_duration_seconds: float = 0.0
    last_samples: int = 0
    metadata: tuple[FamilyMetadata, ...] = ()


@dataclass(frozen=True, slots=True)
class JobTargets:
    """The targets of one job. `dropped` may hold fewer than `dropped_total` (keep_dropped_targets)."""

    job_name: str
    active: tuple[TargetStatus, ...]
    dropped: tuple[DroppedTarget, ...]
    dropped_total: int
