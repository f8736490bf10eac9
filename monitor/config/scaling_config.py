"""How the number of servers follows the load: the frozen form of `scaling_policies`."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.config.scrape_config import HttpClientConfig, Secret


@dataclass(frozen=True, slots=True)
class WebhookActuator:
    """Decisions are posted to a URL; signed if there is a `signing_secret` (`whsec_` and base64)."""

    url: Secret
    signing_secret: Secret | None = None
    timeout_ms: int = 10_000
    http: HttpClientConfig = field(default_factory=HttpClientConfig)


@dataclass(frozen=True, slots=True)
class ProcessActuator:
    """Copies of a program on this machine, behind one public address.

    `command` is started once per copy with `{port}` replaced by one of `ports`, of which there are at least as many as
    the policy's `max_replicas`. `listen_host` may be empty for all interfaces.
    """

    command: tuple[str, ...]
    listen_host: str
    listen_port: int
    ports: tuple[int, ...]
    graceful_stop_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class ScaleDirection:
    """A recommendation counts only after it has held for `stabilization_window_ms`."""

    stabilization_window_ms: int


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """Target tracking: as many replicas as bring the value of `expr` down to `target_value` for each of them.

    `expr` is PromQL, not parsed here. Within `tolerance` (a ratio) of the target nothing changes. A sample older than
    `metric_max_age_ms` counts as missing. With `dry_run` decisions are made and recorded but not carried out.
    """

    name: str
    expr: str
    target_value: float
    min_replicas: int
    max_replicas: int
    actuator: WebhookActuator | ProcessActuator
    tolerance: float = 0.1
    interval_ms: int = 15_000
    scale_up: ScaleDirection = ScaleDirection(stabilization_window_ms=0)
    scale_down: ScaleDirection = ScaleDirection(stabilization_window_ms=300_000)
    dry_run: bool = True
    metric_max_age_ms: int = 60_000
