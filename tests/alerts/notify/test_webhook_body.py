from __future__ import annotations

import json

import pytest

from alerts.notify.grouping import NotificationReason
from alerts.notify.webhook_body import GroupMessage, NotifiedAlert, webhook_body
from alerts.stored_labels import alertmanager_fingerprint
from monitor.model.labels import Labels

MIB = 2**20


def alert(number: int, *, ends_at_ms: int | None = None, text: str = "t") -> NotifiedAlert:
    labels = Labels({"alertname": "A", "instance": str(number)})
    return NotifiedAlert(labels, {"summary": text}, 1_700_000_000_500, ends_at_ms, "http://g", f"{number:016x}")


def message(*alerts: NotifiedAlert, receiver: str = "team.db") -> GroupMessage:
    return GroupMessage(
        receiver, '{}:{alertname="A"}', Labels({"alertname": "A"}), NotificationReason.NEW_ALERTS, "http://us", alerts
    )


def test_a_body_has_alertmanagers_fields():
    body = json.loads(webhook_body(message(alert(1), alert(2, ends_at_ms=1_700_000_060_000)), 0, MIB))

    assert body == {
        "receiver": "team\\.db",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "A", "instance": "1"},
                "annotations": {"summary": "t"},
                "startsAt": "2023-11-14T22:13:20.5Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://g",
                "fingerprint": "0000000000000001",
            },
            {
                "status": "resolved",
                "labels": {"alertname": "A", "instance": "2"},
                "annotations": {"summary": "t"},
                "startsAt": "2023-11-14T22:13:20.5Z",
                "endsAt": "2023-11-14T22:14:20Z",
                "generatorURL": "http://g",
                "fingerprint": "0000000000000002",
            },
        ],
        "notification_reason": "new alerts added",
        "groupLabels": {"alertname": "A"},
        "commonLabels": {"alertname": "A"},
        "commonAnnotations": {"summary": "t"},
        "routeLabels": {},
        "externalURL": "http://us",
        "version": "4",
        "groupKey": '{}:{alertname="A"}',
        "truncatedAlerts": 0,
    }


def test_a_group_whose_alerts_are_all_resolved_is_resolved():
    assert json.loads(webhook_body(message(alert(1, ends_at_ms=1)), 0, MIB))["status"] == "resolved"


@pytest.mark.parametrize(("max_alerts", "shown"), [(0, 5), (3, 3), (9, 5)])
def test_alerts_beyond_the_maximum_are_only_counted(max_alerts, shown):
    body = json.loads(webhook_body(message(*map(alert, range(5))), max_alerts, MIB))

    assert (len(body["alerts"]), body["truncatedAlerts"]) == (shown, 5 - shown)


def test_a_body_never_exceeds_its_limit():
    alerts = [alert(number, text="x" * 500) for number in range(100)]

    body = webhook_body(message(*alerts), 0, 20_000)

    shown = len(json.loads(body)["alerts"])
    assert len(body) <= 20_000
    assert (shown > 20, json.loads(body)["truncatedAlerts"]) == (True, 100 - shown)


def test_one_alert_that_is_too_large_alone_is_only_counted():
    body = json.loads(webhook_body(message(alert(1, text="x" * 50_000)), 0, 20_000))

    assert (body["alerts"], body["truncatedAlerts"], body["status"]) == ([], 1, "firing")


def test_a_label_that_is_not_utf8_is_sent_with_replacement_characters():
    body = json.loads(webhook_body(message(alert(1, text="a\udcffb")), 0, MIB))

    assert body["commonAnnotations"] == {"summary": "a\ufffdb"}


def test_a_fingerprint_of_no_labels_is_the_offset_basis_of_fnv_1a():
    assert alertmanager_fingerprint(Labels()) == "cbf29ce484222325"
