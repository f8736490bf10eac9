"""What notifying says about itself on our own /metrics."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class NotifyMetrics:
    """`latency` is from the commit that made a notification due to the receiver's 2xx."""

    latency: Histogram
    attempts: Counter
    dead: Counter
    pending: Gauge
    oldest_age: Gauge
    loop_errors: Counter

    @classmethod
    def register(cls, registry: CollectorRegistry) -> NotifyMetrics:
        integration = ("integration",)
        return cls(
            latency=Histogram(
                "plimsoll_notify_latency_seconds",
                "From the state change to the receiver's acknowledgement.",
                integration,
                buckets=_LATENCY_BUCKETS,
                registry=registry,
            ),
            attempts=Counter(
                "plimsoll_notify_attempts_total", "Attempts.", (*integration, "verdict"), registry=registry
            ),
            dead=Counter(
                "plimsoll_notify_dead_letters_total",
                "Notifications given up after an attempt.",
                (*integration, "reason"),
                registry=registry,
            ),
            pending=Gauge("plimsoll_outbox_pending", "Notifications not delivered yet.", registry=registry),
            oldest_age=Gauge(
                "plimsoll_outbox_oldest_age_seconds", "Age of the oldest of them, 0 if none.", registry=registry
            ),
            loop_errors=Counter(
                "plimsoll_notify_loop_errors_total", "Rounds of the delivery loop that failed.", registry=registry
            ),
        )
