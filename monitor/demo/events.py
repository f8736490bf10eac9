"""What is worth a line: differences from one look at the shop to the next, and what reached the receiver."""

from __future__ import annotations

from monitor.demo.snapshot import AlertStanding, Delivery, Snapshot

_ALERT_LINES = {
    AlertStanding.PENDING: "alert: pending, p99 is above the line",
    AlertStanding.FIRING: "alert: firing",
}


def events_between(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """In the order of cause and effect."""
    events = []
    if after.alert is not before.alert:
        ended = "alert: resolved" if before.alert is AlertStanding.FIRING else "alert: inactive again"
        events.append(_ALERT_LINES.get(after.alert, ended))
    if after.decision and after.decision != before.decision:
        events.append(f"decision: {after.decision}")
    if after.replicas != before.replicas:
        events.append(f"fleet: {after.replicas} processes answer, {before.replicas} did before")
    return tuple(events)


def delivery_text(delivery: Delivery) -> str:
    if not delivery.is_verified:
        return f"notification: refused, {delivery.summary}"
    about = f": {delivery.summary}" if delivery.summary and delivery.status == "firing" else ""
    return f"notification: {delivery.status} {', '.join(delivery.alerts)}{about} (signature verified)"
