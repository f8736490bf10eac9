"""The pure state machine: what changed and why. Its behaviour over time is told in test_alert_timelines.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert_state import (
    Alert,
    AlertsByLabels,
    AlertState,
    Element,
    Observation,
    TransitionReason,
    needs_sending,
    step,
)
from alerts.rules import AlertingRule
from monitor.model.labels import Labels

LABELS = Labels({"alertname": "A"})
SEEN = Observation([Element(LABELS, {}, 1.0)])
GONE = Observation([])
RULE = AlertingRule("A", "x", for_ms=20, keep_firing_for_ms=20)
FIRING = Alert(LABELS, {}, 1.0, AlertState.FIRING, active_at_ms=0, fired_at_ms=20, last_sent_at_ms=20)


def reasons(observations: list[Observation], rule: AlertingRule = RULE) -> list[TransitionReason | None]:
    """Why the one alert changed at 0, 10, 20 ms and so on; None where it did not."""
    alerts: AlertsByLabels = {}
    found: list[TransitionReason | None] = []
    for number, observation in enumerate(observations):
        result = step(alerts, observation, number * 10, rule)
        found.append(result.transitions[0].reason if result.transitions else None)
        alerts = result.alerts
    return found


def test_each_change_has_its_reason():
    life = [SEEN, SEEN, SEEN, SEEN, GONE, SEEN, GONE, GONE, GONE, GONE, SEEN, GONE]

    assert reasons(life) == [
        TransitionReason.APPEARED,
        None,
        TransitionReason.HELD,
        None,
        TransitionReason.KEEPING,
        TransitionReason.RETURNED,
        TransitionReason.KEEPING,
        None,
        TransitionReason.RESOLVED,
        None,
        TransitionReason.APPEARED,
        TransitionReason.GONE_WHILE_PENDING,
    ]


def test_a_raised_for_has_its_reason():
    result = step({LABELS: FIRING}, SEEN, 30, replace(RULE, for_ms=50))

    assert [(each.before, each.after, each.reason) for each in result.transitions] == [
        (AlertState.FIRING, AlertState.PENDING, TransitionReason.HOLD_RAISED)
    ]


def test_a_limit_clears_everything_and_says_of_each_alert_that_it_did():
    other = Element(Labels({"alertname": "A", "job": "b"}), {}, 1.0)

    result = step({LABELS: FIRING}, Observation([*SEEN.elements, other]), 30, RULE, limit=1)

    assert (result.alerts, result.error) == ({}, "exceeded limit of 1 with 2 alerts")
    assert [each.reason for each in result.transitions] == [TransitionReason.LIMIT_EXCEEDED]


def test_without_absence_counting_what_is_missing_stays_as_it_is():
    pending = replace(FIRING, labels=Labels({"alertname": "A", "job": "b"}), state=AlertState.PENDING, fired_at_ms=None)
    alerts = {LABELS: FIRING, pending.labels: pending}

    result = step(alerts, Observation([], absence_counts=False), 30, RULE)

    assert (result.alerts, list(result.transitions), result.active) == (alerts, [], 2)


@pytest.mark.parametrize(
    ("alert", "now_ms", "needed"),
    [
        (replace(FIRING, state=AlertState.PENDING, last_sent_at_ms=None), 30, False),
        (replace(FIRING, last_sent_at_ms=None), 30, True),
        (FIRING, 30, False),
        (FIRING, 80, False),
        (FIRING, 81, True),
        (replace(FIRING, state=AlertState.INACTIVE, resolved_at_ms=30), 30, True),
        (replace(FIRING, state=AlertState.INACTIVE, resolved_at_ms=30, last_sent_at_ms=30), 90, False),
        (replace(FIRING, state=AlertState.INACTIVE, resolved_at_ms=30, last_sent_at_ms=30), 91, True),
    ],
)
def test_an_alert_is_sent_when_it_is_news_and_again_after_a_delay(alert, now_ms, needed):
    assert needs_sending(alert, now_ms, resend_delay_ms=60) is needed


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5), st.integers(0, 5))
def test_whatever_happens_states_and_times_agree(presence, for_steps, keep_steps):
    rule = AlertingRule("A", "x", for_ms=for_steps * 10, keep_firing_for_ms=keep_steps * 10)
    alerts: AlertsByLabels = {}
    for number, is_present in enumerate(presence):
        alerts = step(alerts, SEEN if is_present else GONE, number * 10, rule).alerts
        for alert in alerts.values():
            assert (alert.fired_at_ms is None) is (alert.state is AlertState.PENDING)
            assert (alert.resolved_at_ms is None) is (alert.state is not AlertState.INACTIVE)
            assert is_present <= (alert.keep_firing_since_ms is None)
            if alert.fired_at_ms is not None:
                assert alert.fired_at_ms - alert.active_at_ms >= rule.for_ms
                seen = presence[alert.active_at_ms // 10 : alert.fired_at_ms // 10 + 1]
                assert all(seen)
        assert (AlertState.PENDING in {alert.state for alert in alerts.values()}) <= is_present
