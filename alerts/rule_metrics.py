"""What rule evaluation says about itself on our own /metrics."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerts.alert_state import AlertState

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class RuleMetrics:
    """All but `duration` and `upkeep_failures` are labelled with the group's key, `file;name`."""

    evaluations: Counter
    failures: Counter
    iterations: Counter
    missed: Counter
    duration: Histogram
    group_duration: Gauge
    group_evaluated: Gauge
    group_samples: Gauge
    transitions: Counter
    upkeep_failures: Counter

    @classmethod
    def register(cls, registry: CollectorRegistry) -> RuleMetrics:
        group = ("rule_group",)
        return cls(
            evaluations=Counter("plimsoll_rule_evaluations_total", "Rule evaluations.", group, registry=registry),
            failures=Counter(
                "plimsoll_rule_evaluation_failures_total", "Rule evaluations that failed.", group, registry=registry
            ),
            iterations=Counter(
                "plimsoll_rule_group_iterations_total",
                "Evaluations of a group that were due, missed ones included.",
                group,
                registry=registry,
            ),
            missed=Counter(
                "plimsoll_rule_group_iterations_missed_total",
                "Evaluations of a group that were left out because the one before took too long.",
                group,
                registry=registry,
            ),
            duration=Histogram(
                "plimsoll_rule_evaluation_duration_seconds", "One rule.", buckets=_BUCKETS, registry=registry
            ),
            group_duration=Gauge(
                "plimsoll_rule_group_last_duration_seconds", "The last evaluation.", group, registry=registry
            ),
            group_evaluated=Gauge(
                "plimsoll_rule_group_last_evaluation_timestamp_seconds",
                "When the last evaluation began.",
                group,
                registry=registry,
            ),
            group_samples=Gauge(
                "plimsoll_rule_group_last_evaluation_samples",
                "Samples that the last evaluation gave.",
                group,
                registry=registry,
            ),
            transitions=Counter(
                "plimsoll_alert_transitions_total",
                "Changes of alerts, by the state after the change (none: forgotten).",
                (*group, "state"),
                registry=registry,
            ),
            upkeep_failures=Counter(
                "plimsoll_rule_upkeep_failures_total",
                "Jobs beside the evaluations that failed, such as ending the series of a group that is no more.",
                registry=registry,
            ),
        )

    def forget(self, group_key: str) -> None:
        """Drops the series of a group that is no more."""
        single = (self.evaluations, self.failures, self.iterations, self.missed)
        gauges = (self.group_duration, self.group_evaluated, self.group_samples)
        for metric in (*single, *gauges):
            _remove(metric, group_key)
        for state in ("none", *(state.value for state in AlertState)):
            _remove(self.transitions, group_key, state)


def _remove(metric: Counter | Gauge, *labels: str) -> None:
    # Older versions of the library raise where there is no such series.
    with contextlib.suppress(KeyError):
        metric.remove(*labels)
