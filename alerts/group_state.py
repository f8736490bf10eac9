"""What is remembered of rule groups between evaluations, and what others may see of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from alerts.alert_state import Alert, AlertsByLabels, AlertState
from alerts.rule_series import SeriesWriter, alert_series, append_row, vanished
from alerts.rules import AlertingRule, Rule, RuleGroup
from monitor.model.label_frame import LabelFrame
from monitor.model.samples import STALE
from monitor.storage.interfaces import Appender

NO_SERIES = LabelFrame(0, {})


class RuleHealth(enum.Enum):
    UNKNOWN = "unknown"
    OK = "ok"
    ERROR = "err"


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule after its last evaluation; `last_evaluated_ms` None before the first."""

    rule: Rule
    health: RuleHealth = RuleHealth.UNKNOWN
    last_error: str = ""
    evaluation_seconds: float = 0.0
    last_evaluated_ms: int | None = None
    alerts: tuple[Alert, ...] = ()
    """Pending and firing ones."""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """A group after its last evaluation. Times are wall-clock times at which evaluations began."""

    group: RuleGroup
    rules: tuple[RuleStatus, ...]
    evaluation_seconds: float = 0.0
    last_evaluated_ms: int | None = None


class RuleState:
    """One rule. Only the evaluation of its group changes it; `status` may be read by anyone at any time."""

    def __init__(self, rule: Rule, key: str, writer: SeriesWriter, alerts: AlertsByLabels) -> None:
        self.rule = rule
        self.key = key
        self.writer = writer
        self.alerts = alerts
        self.status = RuleStatus(rule, alerts=_active(alerts))

    def finish(self, health: RuleHealth, error: str, seconds: float, at_ms: int) -> None:
        self.status = RuleStatus(self.rule, health, error, seconds, at_ms, _active(self.alerts))


def _active(alerts: AlertsByLabels) -> tuple[Alert, ...]:
    return tuple(alert for alert in alerts.values() if alert.state is not AlertState.INACTIVE)


class GroupState:
    """One group: its rules, and the series of rules that it no longer has.

    Before `absence_counts_from_ms` an alert that is missing from a result is not believed to be over.
    """

    def __init__(self, group: RuleGroup, rules: tuple[RuleState, ...], appender: Appender) -> None:
        self.group = group
        self.rules = rules
        self._appender = appender
        self.dropped_series: list[LabelFrame] = []
        self.last_evaluation_ms: int | None = None
        self.absence_counts_from_ms = 0
        self.is_stopped = False
        self._evaluation_seconds = 0.0
        self._last_evaluated_ms: int | None = None

    def finish(self, seconds: float, began_ms: int, evaluation_ms: int) -> None:
        self._evaluation_seconds = seconds
        self._last_evaluated_ms = began_ms
        self.last_evaluation_ms = evaluation_ms

    @property
    def status(self) -> GroupStatus:
        rules = tuple(rule.status for rule in self.rules)
        return GroupStatus(self.group, rules, self._evaluation_seconds, self._last_evaluated_ms)

    def written(self) -> LabelFrame:
        """The series that the group's rules now have."""
        return LabelFrame.concat([NO_SERIES, *(rule.writer.written for rule in self.rules)])

    def end_dropped_series(self, still_written: LabelFrame, at_ms: int) -> None:
        """Stale markers for the series of rules that are gone, but for those that some rule still writes."""
        dropped = LabelFrame.concat([NO_SERIES, *self.dropped_series])
        gone = dropped.take(vanished(dropped, still_written))
        if gone.size:
            distinct = gone.take(gone.group().first)
            append_row(self._appender, f"rules/{self.group.key}", distinct, np.full(distinct.size, STALE), at_ms)
        self.dropped_series = []

    def continue_from(self, old: GroupState) -> None:
        """Takes over the state of a group that this one replaces; rules are matched by their keys.

        What rules wrote that are not in this group any more ends at the next evaluation.
        """
        self._evaluation_seconds, self._last_evaluated_ms = old._evaluation_seconds, old._last_evaluated_ms
        self.last_evaluation_ms = old.last_evaluation_ms
        self.absence_counts_from_ms = old.absence_counts_from_ms
        self.dropped_series = list(old.dropped_series)
        ours = {rule.key: rule for rule in self.rules}
        for theirs in old.rules:
            rule = ours.get(theirs.key)
            if rule is None:
                self.dropped_series.append(theirs.writer.written)
                continue
            rule.alerts = theirs.alerts
            rule.writer.written = theirs.writer.written
            rule.status = replace(theirs.status, rule=rule.rule)


def new_group_state(group: RuleGroup, appender: Appender, alerts: Mapping[str, AlertsByLabels]) -> GroupState:
    """A group whose rules remember `alerts`, by rule key, and end the series of those that do not come back."""
    rules = []
    for rule, key in zip(group.rules, group.rule_keys(), strict=True):
        known = alerts.get(key, {}) if isinstance(rule, AlertingRule) else {}
        writer = SeriesWriter(appender, f"rules/{group.key}/{key}", alert_series(known)[0])
        rules.append(RuleState(rule, key, writer, known))
    return GroupState(group, tuple(rules), appender)
