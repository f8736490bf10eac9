from __future__ import annotations

import pytest

from monitor.demo.service_client import last_change, standing
from monitor.demo.settings import ALERT
from monitor.demo.snapshot import AlertStanding


def decision(direction: str, explanation: str) -> dict[str, str]:
    return {"direction": direction, "explanation": explanation}


@pytest.mark.parametrize(
    ("states", "expected"),
    [([], "inactive"), (["pending"], "pending"), (["firing"], "firing"), (["pending", "firing"], "firing")],
)
def test_the_most_urgent_alert_counts(states, expected):
    alerts = [{"state": state, "labels": {"alertname": ALERT}} for state in states]

    assert standing(alerts) is AlertStanding(expected)


def test_other_alerts_do_not_count():
    assert standing([{"state": "firing", "labels": {"alertname": "Another"}}]) is AlertStanding.INACTIVE


def test_the_newest_decision_that_asks_for_another_count_is_shown():
    assert last_change([decision("none", "c"), decision("up", "b"), decision("down", "a")]) == "b"


def test_without_a_change_it_is_the_newest_decision_of_all():
    assert last_change([decision("none", "b"), decision("none", "a")]) == "b"
    assert last_change([]) == ""
