"""What a stored alert is worth after the service was away."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alerts.alert_state import Alert, AlertsByLabels, AlertState
from alerts.alert_store import StoredGroup
from alerts.group_state import GroupState, new_group_state
from alerts.rules import AlertingRule, RuleGroup
from monitor.storage.interfaces import Appender


@dataclass(frozen=True, slots=True)
class RestorePolicy:
    """The first two as Prometheus's flags --rules.alert.for-outage-tolerance and for-grace-period.

    A gap of at most `restart_tolerance_ms` (or two intervals of the group, if that is longer) is a restart and no
    outage: nothing was missed that matters, so every time is kept as it was.
    """

    for_outage_tolerance_ms: int = 3_600_000
    for_grace_period_ms: int = 600_000
    restart_tolerance_ms: int = 60_000

    def is_outage(self, gap_ms: int, interval_ms: int) -> bool:
        """Whether so long a gap between two evaluations is more than a restart."""
        return gap_ms > max(self.restart_tolerance_ms, 2 * interval_ms)


def restore_alerts(
    alerts: AlertsByLabels, rule: AlertingRule, last_seen_ms: int, now_ms: int, policy: RestorePolicy
) -> AlertsByLabels:
    """The alerts of a rule, last evaluated at `last_seen_ms`, after an outage that ends at `now_ms`.

    Firing and resolved alerts stay what they are: whoever was told that one fires must hear of its end. (Prometheus
    forgets them and starts anew.) Pending ones follow Prometheus's Group.RestoreForState, but for one thing: there a
    rule with a `for` below the grace period loses its pending alerts, here only the time of the outage does not count.
    """
    restored = {}
    for labels, alert in alerts.items():
        kept = _restore_pending(alert, rule, last_seen_ms, now_ms, policy)
        if kept is not None:
            restored[labels] = kept
    return restored


def _restore_pending(
    alert: Alert, rule: AlertingRule, last_seen_ms: int, now_ms: int, policy: RestorePolicy
) -> Alert | None:
    if alert.state is not AlertState.PENDING:
        return alert
    outage_ms = now_ms - last_seen_ms
    if outage_ms > policy.for_outage_tolerance_ms:
        return None
    left_ms = rule.for_ms - (last_seen_ms - alert.active_at_ms)
    if left_ms <= 0:
        return alert
    grace_ms = policy.for_grace_period_ms
    if left_ms < grace_ms <= rule.for_ms:
        return replace(alert, active_at_ms=now_ms + grace_ms - rule.for_ms)
    return replace(alert, active_at_ms=alert.active_at_ms + outage_ms)


def restored_group(
    group: RuleGroup, stored: StoredGroup, appender: Appender, first_ms: int, policy: RestorePolicy
) -> GroupState:
    """`group`, to be evaluated first at `first_ms`, with the alerts that it had before this process."""
    last_seen_ms = _last_seen_ms(stored)
    if last_seen_ms is None or not policy.is_outage(first_ms - last_seen_ms, group.interval_ms):
        return new_group_state(group, appender, stored.alerts)
    alerts: dict[str, AlertsByLabels] = {}
    for rule, key in zip(group.rules, group.rule_keys(), strict=True):
        if isinstance(rule, AlertingRule):
            alerts[key] = restore_alerts(stored.alerts.get(key, {}), rule, last_seen_ms, first_ms, policy)
    state = new_group_state(group, appender, alerts)
    # Targets must be scraped again first: as in Prometheus nothing is believed to be over before a second look.
    state.absence_counts_from_ms = first_ms + group.interval_ms
    return state


def _last_seen_ms(stored: StoredGroup) -> int | None:
    """When the group was last evaluated, as far as anything stored says."""
    times = [time_ms for alerts in stored.alerts.values() for alert in alerts.values() for time_ms in _times(alert)]
    if stored.last_evaluated_ms is not None:
        times.append(stored.last_evaluated_ms)
    return max(times, default=None)


def _times(alert: Alert) -> list[int]:
    times = (alert.active_at_ms, alert.fired_at_ms, alert.resolved_at_ms, alert.last_sent_at_ms)
    return [time_ms for time_ms in times if time_ms is not None]
