"""What autoscaling says about itself on our own /metrics."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True)
class AutoscaleMetrics:
    """All are labelled with the policy's name."""

    decisions: Counter
    orders: Counter
    errors: Counter
    value: Gauge
    replicas: Gauge
    desired: Gauge
    held: Gauge
    breaker_open: Gauge

    @classmethod
    def register(cls, registry: CollectorRegistry) -> AutoscaleMetrics:
        policy = ("policy",)
        return cls(
            decisions=Counter(
                "plimsoll_scaling_decisions_total", "Decisions made.", (*policy, "reason"), registry=registry
            ),
            orders=Counter(
                "plimsoll_scaling_orders_total", "Orders to an actuator.", (*policy, "outcome"), registry=registry
            ),
            errors=Counter(
                "plimsoll_scaling_errors_total", "Evaluations of a policy that failed.", policy, registry=registry
            ),
            value=Gauge("plimsoll_scaling_value", "Newest usable value of the expression.", policy, registry=registry),
            replicas=Gauge(
                "plimsoll_scaling_replicas", "Current replicas, as far as known.", policy, registry=registry
            ),
            desired=Gauge("plimsoll_scaling_desired_replicas", "Desired replicas.", policy, registry=registry),
            held=Gauge("plimsoll_scaling_held", "1 while there is no usable data.", policy, registry=registry),
            breaker_open=Gauge(
                "plimsoll_scaling_breaker_open", "1 while the actuator is left alone.", policy, registry=registry
            ),
        )
