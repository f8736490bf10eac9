"""Whether a group of alerts is worth a notification, as Alertmanager decides it (notify, DedupStage)."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.labels import Labels


class NotificationReason(enum.Enum):
    """The value is what Alertmanager's webhooks say as `notification_reason`."""

    FIRST_NOTIFICATION = "first notification"
    NEW_ALERTS = "new alerts added"
    SOME_RESOLVED = "some alerts resolved"
    ALL_RESOLVED = "all alerts resolved"
    REPEAT_INTERVAL_ELAPSED = "repeat interval elapsed"


@dataclass(frozen=True, slots=True)
class NotifiedGroup:
    """What a receiver was told last about a group: fingerprints of its alerts, and when."""

    firing: frozenset[str]
    resolved: frozenset[str]
    notified_at_ms: int


def notification_reason(
    last: NotifiedGroup | None,
    firing: frozenset[str],
    resolved: frozenset[str],
    now_ms: int,
    *,
    send_resolved: bool,
    repeat_interval_ms: int,
) -> NotificationReason | None:
    """Why the receiver should be told now; None if it knows already.

    Alerts that were resolved before it heard of them are never announced.
    """
    if last is None:
        return NotificationReason.FIRST_NOTIFICATION if firing else None
    if not firing <= last.firing:
        return NotificationReason.NEW_ALERTS if last.firing else NotificationReason.FIRST_NOTIFICATION
    if not firing:
        return NotificationReason.ALL_RESOLVED if last.firing else None
    if send_resolved and not resolved <= last.resolved:
        return NotificationReason.SOME_RESOLVED
    if last.notified_at_ms < now_ms - repeat_interval_ms:
        return NotificationReason.REPEAT_INTERVAL_ELAPSED
    return None


def alert_order(labels: Labels) -> tuple[object, ...]:
    """A sort key: by job, then by instance, then by all labels, those without the label last, as Alertmanager sorts."""
    leading = tuple((name not in labels, labels.get(name, "")) for name in ("job", "instance"))
    return (*leading, tuple(labels), tuple(labels.values()))


def common_pairs(label_sets: Iterable[dict[str, str]]) -> dict[str, str]:
    """The pairs that all of `label_sets` have; none for none."""
    common: dict[str, str] | None = None
    for labels in label_sets:
        if common is None:
            common = dict(labels)
        else:
            common = {name: value for name, value in common.items() if labels.get(name) == value}
    return common or {}
