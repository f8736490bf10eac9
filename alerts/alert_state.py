"""The life of alerts as a pure function: state and observation in, new state and what changed out.

The rules are Prometheus's (rules/alerting.go, AlertingRule.Eval):

               an element appears                    for `for` long
    (nothing) ──────────────────────► PENDING ──────────────────────► FIRING ─┐
        ▲                               │  ▲   `for` was raised          │    │ keep_firing_for: stays until the element
        │           the element is gone │  └────────────────────────────┘    │ has been gone that long
        ├───────────────────────────────┘                                     │
        └──────────────────────────────── INACTIVE (resolved) ◄───────────────┘
                    after a retention
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.rules import AlertingRule
from monitor.model.labels import Labels

RESOLVED_RETENTION_MS = 15 * 60_000
DUPLICATE_LABELS = "vector contains metrics with the same labelset after applying alert labels"


class AlertState(enum.Enum):
    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


class TransitionReason(enum.Enum):
    """Why an alert changed."""

    APPEARED = "the expression gives it"
    HELD = "active for as long as `for` asks"
    HOLD_RAISED = "not active for as long as the new `for` asks"
    KEEPING = "gone, but kept firing by keep_firing_for"
    RETURNED = "back while it was kept firing"
    GONE_WHILE_PENDING = "gone before it fired"
    RESOLVED = "gone"
    FORGOTTEN = "resolved for longer than the retention"
    LIMIT_EXCEEDED = "more alerts than the group's limit"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one rule. `labels` are its identity, `alertname` among them. All times are evaluation times.

    An INACTIVE alert was firing and is remembered as resolved.
    """

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    state: AlertState
    active_at_ms: int
    fired_at_ms: int | None = None
    resolved_at_ms: int | None = None
    keep_firing_since_ms: int | None = None
    last_sent_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an alerting rule's result, its labels and annotations expanded."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What one evaluation saw. Without `absence_counts` an alert that is missing is left as it is."""

    elements: Sequence[Element]
    absence_counts: bool = True


AlertsByLabels = Mapping[Labels, Alert]


@dataclass(frozen=True, slots=True)
class Transition:
    """`before` or `after` None: the alert was not known before, or is not any more."""

    labels: Labels
    before: AlertState | None
    after: AlertState | None
    reason: TransitionReason


@dataclass(frozen=True, slots=True)
class Step:
    """The new alerts of a rule and what changed; `error` if the evaluation does not count as one."""

    alerts: AlertsByLabels
    transitions: Sequence[Transition] = ()
    error: str = ""
    active: int = field(default=0)
    """How many are pending or firing."""


def step(alerts: AlertsByLabels, observation: Observation, now_ms: int, rule: AlertingRule, limit: int = 0) -> Step:
    """One evaluation of `rule` at `now_ms`.

    Two elements with equal labels are an error that changes nothing. More than `limit` active alerts (0: any number)
    are an error that clears them all.
    """
    by_labels = {element.labels: element for element in observation.elements}
    if len(by_labels) < len(observation.elements):
        return Step(alerts, error=DUPLICATE_LABELS)
    after: dict[Labels, Alert] = {}
    transitions: list[Transition] = []
    for labels in {**alerts, **by_labels}:
        before = alerts.get(labels)
        alert, reason = _step_one(before, by_labels.get(labels), now_ms, rule, observation.absence_counts)
        if alert is not None:
            after[labels] = alert
        if reason is not None:
            transitions.append(_transition(labels, before, alert, reason))
    active = sum(alert.state is not AlertState.INACTIVE for alert in after.values())
    if limit and active > limit:
        return _cleared(alerts, limit, active)
    return Step(after, transitions, active=active)


def _transition(labels: Labels, before: Alert | None, after: Alert | None, reason: TransitionReason) -> Transition:
    return Transition(labels, before.state if before else None, after.state if after else None, reason)


def _cleared(alerts: AlertsByLabels, limit: int, active: int) -> Step:
    transitions = [
        Transition(labels, alert.state, None, TransitionReason.LIMIT_EXCEEDED) for labels, alert in alerts.items()
    ]
    return Step({}, transitions, f"exceeded limit of {limit} with {active} alerts")


_Change = tuple[Alert | None, TransitionReason | None]


def _step_one(
    alert: Alert | None, element: Element | None, now_ms: int, rule: AlertingRule, absence_counts: bool
) -> _Change:
    if element is not None:
        return _present(alert, element, now_ms, rule)
    assert alert is not None, "BUG: got neither an alert nor an element"
    if absence_counts or alert.state is AlertState.INACTIVE:
        return _absent(alert, now_ms, rule)
    return alert, None


def _present(alert: Alert | None, element: Element, now_ms: int, rule: AlertingRule) -> _Change:
    if alert is None or alert.state is AlertState.INACTIVE:
        fresh = Alert(element.labels, element.annotations, element.value, AlertState.PENDING, now_ms)
        held, reason = _held(fresh, now_ms, rule)
        return held, reason or TransitionReason.APPEARED
    reason = TransitionReason.RETURNED if alert.keep_firing_since_ms is not None else None
    seen = replace(alert, annotations=element.annotations, value=element.value, keep_firing_since_ms=None)
    held, held_reason = _held(seen, now_ms, rule)
    return held, held_reason or reason


def _held(alert: Alert, now_ms: int, rule: AlertingRule) -> tuple[Alert, TransitionReason | None]:
    """An active alert, in the state that its time since `active_at_ms` gives."""
    is_held = now_ms - alert.active_at_ms >= rule.for_ms
    if is_held and alert.state is AlertState.PENDING:
        return replace(alert, state=AlertState.FIRING, fired_at_ms=now_ms), TransitionReason.HELD
    if not is_held and alert.state is AlertState.FIRING:
        pending = replace(
            alert, state=AlertState.PENDING, fired_at_ms=None, last_sent_at_ms=None, keep_firing_since_ms=None
        )
        return pending, TransitionReason.HOLD_RAISED
    return alert, None


def _absent(alert: Alert, now_ms: int, rule: AlertingRule) -> _Change:
    if alert.state is AlertState.PENDING:
        return None, TransitionReason.GONE_WHILE_PENDING
    if alert.state is AlertState.INACTIVE:
        assert alert.resolved_at_ms is not None, f"BUG: got an inactive alert that was never resolved: {alert}"
        is_old = now_ms - alert.resolved_at_ms > RESOLVED_RETENTION_MS
        return (None, TransitionReason.FORGOTTEN) if is_old else (alert, None)
    return _absent_while_firing(alert, now_ms, rule)


def _absent_while_firing(alert: Alert, now_ms: int, rule: AlertingRule) -> _Change:
    if rule.keep_firing_for_ms:
        since_ms = now_ms if alert.keep_firing_since_ms is None else alert.keep_firing_since_ms
        if now_ms - since_ms < rule.keep_firing_for_ms:
            kept, held_reason = _held(replace(alert, keep_firing_since_ms=since_ms), now_ms, rule)
            started = TransitionReason.KEEPING if alert.keep_firing_since_ms is None else None
            return kept, held_reason or started
        alert = replace(alert, keep_firing_since_ms=since_ms)
    return replace(alert, state=AlertState.INACTIVE, resolved_at_ms=now_ms), TransitionReason.RESOLVED


def needs_sending(alert: Alert, now_ms: int, resend_delay_ms: int) -> bool:
    """Whether whoever notifies must hear of `alert` now: it fires or is resolved, and that is news or due again."""
    if alert.state is AlertState.PENDING:
        return False
    if alert.last_sent_at_ms is None:
        return True
    if alert.resolved_at_ms is not None and alert.resolved_at_ms > alert.last_sent_at_ms:
        return True
    return alert.last_sent_at_ms + resend_delay_ms < now_ms
