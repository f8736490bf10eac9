"""From the configuration to a policy, and what a policy refuses."""

from __future__ import annotations

import pytest

from alerts.autoscale.policy import Burst, ChangeLimit, ChangeUnit, Policy, ScalingRules
from monitor.config.scaling_config import ScaleDirection, ScalingPolicy, WebhookActuator
from monitor.config.scrape_config import Secret


def test_a_policy_takes_everything_from_its_configuration():
    config = ScalingPolicy(
        name="web",
        expr="sum(load)",
        target_value=50,
        min_replicas=2,
        max_replicas=20,
        actuator=WebhookActuator(Secret("http://scaler")),
        tolerance=0.2,
        interval_ms=5_000,
        scale_up=ScaleDirection(15_000),
        scale_down=ScaleDirection(600_000),
        dry_run=False,
        metric_max_age_ms=30_000,
    )
    assert Policy.of(config) == Policy(
        name="web",
        expression="sum(load)",
        target=50,
        min_replicas=2,
        max_replicas=20,
        interval_ms=5_000,
        metric_max_age_ms=30_000,
        up=ScalingRules(15_000, 0.2),
        down=ScalingRules(600_000, 0.2),
        dry_run=False,
    )


def test_it_counts_as_blind_after_two_missed_evaluations_at_least():
    slow = Policy(name="web", expression="x", target=1, max_replicas=1, interval_ms=300_000)
    assert slow.blind_after_ms == 600_000


@pytest.mark.parametrize(
    "build",
    [
        lambda: Policy(name="web", expression="x", target=0, max_replicas=1),
        lambda: Policy(name="web", expression="x", target=float("inf"), max_replicas=1),
        lambda: Policy(name="web", expression="x", target=1, min_replicas=2, max_replicas=1),
        lambda: Policy(name="web", expression="x", target=1, max_replicas=1, interval_ms=0),
        lambda: ScalingRules(-1),
        lambda: ScalingRules(0, tolerance=-0.1),
        lambda: ChangeLimit(ChangeUnit.PERCENT, 0, 15_000),
        lambda: ChangeLimit(ChangeUnit.PERCENT, 100, 0),
        lambda: Burst("x", threshold=1.0),
    ],
)
def test_numbers_that_cannot_be_meant_are_our_bug(build):
    with pytest.raises(AssertionError, match="BUG"):
        build()
