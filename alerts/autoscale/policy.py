"""A scaling policy: what is measured, how much of it one replica carries, and how fast the count may move."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from monitor.config.scaling_config import ScalingPolicy

STABILIZATION_WINDOW_MAX_MS = 3_600_000
CHANGE_PERIOD_MAX_MS = 1_800_000


class ChangeUnit(enum.Enum):
    REPLICAS = "replicas"
    PERCENT = "percent"


class SelectChange(enum.Enum):
    """Which of several change limits counts: the most generous, the strictest, or that there be no change at all."""

    MAX = "max"
    MIN = "min"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class ChangeLimit:
    """At most `value` replicas or percent of change within any `period_ms` (HPA v2 `behavior.policies`)."""

    unit: ChangeUnit
    value: int
    period_ms: int

    def __post_init__(self) -> None:
        assert self.value > 0, f"BUG: got a change limit of {self.value}, want > 0"
        assert 0 < self.period_ms <= CHANGE_PERIOD_MAX_MS, (
            f"BUG: got {self.period_ms} ms, want 1..{CHANGE_PERIOD_MAX_MS}"
        )


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """How the count moves in one direction (HPA v2 `behavior.scaleUp` and `.scaleDown`).

    `tolerance` is a ratio: a load within it of what the current replicas should carry changes nothing.
    No `change_limits` is no limit.
    """

    stabilization_window_ms: int
    tolerance: float = 0.1
    change_limits: tuple[ChangeLimit, ...] = ()
    select: SelectChange = SelectChange.MAX

    def __post_init__(self) -> None:
        window_ms = self.stabilization_window_ms
        assert 0 <= window_ms <= STABILIZATION_WINDOW_MAX_MS, (
            f"BUG: got a window of {window_ms} ms, want 0..{STABILIZATION_WINDOW_MAX_MS}"
        )
        assert 0 <= self.tolerance < math.inf, f"BUG: got a tolerance of {self.tolerance}, want >= 0"


@dataclass(frozen=True, slots=True)
class Burst:
    """A second, shorter look at the same load, as Knative's panic mode.

    When `expression` asks for `threshold` times the ready replicas, the count follows it at once, past windows and
    change limits, and does not fall again until `hold_ms` without such a moment have passed.
    """

    expression: str
    threshold: float = 2.0
    hold_ms: int = 60_000

    def __post_init__(self) -> None:
        assert self.threshold > 1, f"BUG: got a burst threshold of {self.threshold}, want > 1"


@dataclass(frozen=True, slots=True)
class Policy:
    """`target` is the load that one replica should carry, in the unit of `expression`, whose value is the load of all.

    Bounds are inclusive. Data older than `metric_max_age_ms` is stale and moves nothing.
    """

    name: str
    expression: str
    target: float
    max_replicas: int
    min_replicas: int = 1
    interval_ms: int = 15_000
    metric_max_age_ms: int = 60_000
    up: ScalingRules = field(default_factory=lambda: ScalingRules(0))
    down: ScalingRules = field(default_factory=lambda: ScalingRules(300_000))
    burst: Burst | None = None
    dry_run: bool = True

    def __post_init__(self) -> None:
        assert 0 < self.target < math.inf, f"BUG: got a target of {self.target}, want a finite number > 0"
        assert 0 <= self.min_replicas <= self.max_replicas, (
            f"BUG: got bounds {self.min_replicas}..{self.max_replicas}, want 0 <= min <= max"
        )
        assert self.interval_ms > 0, f"BUG: got an interval of {self.interval_ms} ms, want > 0"

    @classmethod
    def of(cls, config: ScalingPolicy) -> Policy:
        """The policy that the configuration describes."""
        return cls(
            name=config.name,
            expression=config.expr,
            target=config.target_value,
            max_replicas=config.max_replicas,
            min_replicas=config.min_replicas,
            interval_ms=config.interval_ms,
            metric_max_age_ms=config.metric_max_age_ms,
            up=ScalingRules(config.scale_up.stabilization_window_ms, config.tolerance),
            down=ScalingRules(config.scale_down.stabilization_window_ms, config.tolerance),
            dry_run=config.dry_run,
        )

    @property
    def blind_after_ms(self) -> int:
        """A gap between good readings longer than this counts as not having watched."""
        return max(self.metric_max_age_ms, 2 * self.interval_ms)
