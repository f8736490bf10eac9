"""The JSON that Alertmanager posts to webhooks, version 4."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.notify.grouping import NotificationReason, common_pairs
from monitor.model.durations import rfc3339
from monitor.model.labels import Labels
from monitor.promql.syntax.go_text import with_replacement

VERSION = "4"
# Go's zero time: Alertmanager sends it as the end of an alert that still fires.
NO_END = "0001-01-01T00:00:00Z"
_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, slots=True)
class NotifiedAlert:
    """`ends_at_ms` None: it still fires."""

    labels: Labels
    annotations: Mapping[str, str]
    starts_at_ms: int
    ends_at_ms: int | None
    generator_url: str
    fingerprint: str

    @property
    def status(self) -> str:
        return "firing" if self.ends_at_ms is None else "resolved"


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """What a receiver is to be told about a group."""

    receiver: str
    group_key: str
    group_labels: Labels
    reason: NotificationReason
    external_url: str
    alerts: Sequence[NotifiedAlert]


def webhook_body(message: GroupMessage, max_alerts: int, limit_bytes: int) -> bytes:
    """UTF-8 JSON with the first `max_alerts` alerts (0: all), or as many as fit into `limit_bytes`.

    What was left out is counted in `truncatedAlerts`.
    """
    count = min(len(message.alerts), max_alerts) if max_alerts else len(message.alerts)
    while True:
        body = _encoded(message, count)
        if len(body) <= limit_bytes or count == 0:
            return body
        count = min(count - 1, int(count * 0.9 * limit_bytes / len(body)))


def _encoded(message: GroupMessage, count: int) -> bytes:
    alerts = message.alerts[:count]
    firing = any(alert.ends_at_ms is None for alert in alerts or message.alerts)
    content = {
        # Alertmanager escapes the name as a regular expression; receivers have learnt to live with it.
        "receiver": _REGEX_SPECIAL.sub(lambda match: "\\" + match.group(), message.receiver),
        "status": "firing" if firing else "resolved",
        "alerts": [_alert(alert) for alert in alerts],
        "notification_reason": message.reason.value,
        "groupLabels": dict(message.group_labels),
        "commonLabels": common_pairs(dict(alert.labels) for alert in alerts),
        "commonAnnotations": common_pairs(dict(alert.annotations) for alert in alerts),
        "routeLabels": {},
        "externalURL": message.external_url,
        "version": VERSION,
        "groupKey": message.group_key,
        "truncatedAlerts": len(message.alerts) - count,
    }
    return with_replacement(json.dumps(content, ensure_ascii=False, separators=(",", ":"))).encode()


def _alert(alert: NotifiedAlert) -> dict[str, object]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_at_ms),
        "endsAt": NO_END if alert.ends_at_ms is None else rfc3339(alert.ends_at_ms),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }
