"""Alert state in SQL: what a rule must remember over a restart.

A row is written when an alert changes state and when it is sent again, not at each evaluation; the value and the
annotations of a row are therefore as old as the last of these, at most one resend delay for a firing alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Row, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from alerts.alert_state import Alert, AlertsByLabels, AlertState
from alerts.database import Base, upsert, write_transaction
from alerts.stored_labels import alertmanager_fingerprint, labels_of, texts_of, to_text
from monitor.model.labels import Labels


class _AlertRow(Base):
    """`value` is text because SQL has no NaN."""

    __tablename__ = "alerts"

    group_key: Mapped[str] = mapped_column(primary_key=True)
    rule_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    labels: Mapped[str]
    annotations: Mapped[str]
    value: Mapped[str]
    state: Mapped[str]
    active_at_ms: Mapped[int] = mapped_column(BigInteger)
    fired_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    resolved_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    keep_firing_since_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_sent_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class _EvaluationRow(Base):
    """When a group was last evaluated, as far as stored."""

    __tablename__ = "rule_group_evaluations"

    group_key: Mapped[str] = mapped_column(primary_key=True)
    evaluated_at_ms: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """`last_evaluated_ms` None: never. `alerts` by rule key."""

    last_evaluated_ms: int | None
    alerts: Mapping[str, AlertsByLabels]


class AlertStore:
    """Reads and writes the alerts of rules."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, group_key: str) -> StoredGroup:
        with self._engine.connect() as connection:
            last_ms = connection.scalar(
                select(_EvaluationRow.evaluated_at_ms).where(_EvaluationRow.group_key == group_key)
            )
            rows = connection.execute(select(_AlertRow.__table__).where(_AlertRow.group_key == group_key)).all()
        alerts: dict[str, dict[Labels, Alert]] = {}
        for row in rows:
            alert = _alert_of(row)
            alerts.setdefault(row.rule_key, {})[alert.labels] = alert
        return StoredGroup(last_ms, alerts)

    def differs(self, before: AlertsByLabels, after: AlertsByLabels) -> bool:
        """Whether there is anything for `save` to write."""
        return len(before) != len(after) or any(_needs_writing(before.get(labels), after[labels]) for labels in after)

    def save(
        self, connection: Connection, group_key: str, rule_key: str, before: AlertsByLabels, after: AlertsByLabels
    ) -> None:
        """Writes what differs between `before`, which is stored, and `after`."""
        changed = [alert for labels, alert in after.items() if _needs_writing(before.get(labels), alert)]
        upsert(connection, _AlertRow, [_row_of(group_key, rule_key, alert) for alert in changed])
        gone = [{"gone_fingerprint": alertmanager_fingerprint(labels)} for labels in before if labels not in after]
        if gone:
            place = (_AlertRow.group_key == group_key, _AlertRow.rule_key == rule_key)
            statement = delete(_AlertRow).where(*place, _AlertRow.fingerprint == bindparam("gone_fingerprint"))
            connection.execute(statement, gone)

    def forget_rules(self, group_key: str, kept_rule_keys: Iterable[str]) -> None:
        """Deletes the alerts of rules that the group does not have any more."""
        with write_transaction(self._engine) as connection:
            connection.execute(
                delete(_AlertRow).where(
                    _AlertRow.group_key == group_key, _AlertRow.rule_key.not_in(list(kept_rule_keys))
                )
            )

    def forget_groups(self, kept_group_keys: Iterable[str]) -> None:
        """Deletes what is stored of all groups but these."""
        kept = list(kept_group_keys)
        with write_transaction(self._engine) as connection:
            connection.execute(delete(_AlertRow).where(_AlertRow.group_key.not_in(kept)))
            connection.execute(delete(_EvaluationRow).where(_EvaluationRow.group_key.not_in(kept)))

    def record_evaluations(self, evaluated_at_ms: Mapping[str, int]) -> None:
        """Stores when each group was last evaluated."""
        if not evaluated_at_ms:
            return
        rows = [{"group_key": key, "evaluated_at_ms": at_ms} for key, at_ms in evaluated_at_ms.items()]
        with write_transaction(self._engine) as connection:
            upsert(connection, _EvaluationRow, rows)


def _needs_writing(stored: Alert | None, alert: Alert) -> bool:
    return stored is None or _lasting(stored) != _lasting(alert)


def _lasting(alert: Alert) -> tuple[object, ...]:
    return (
        alert.state,
        alert.active_at_ms,
        alert.fired_at_ms,
        alert.resolved_at_ms,
        alert.keep_firing_since_ms,
        alert.last_sent_at_ms,
    )


def _row_of(group_key: str, rule_key: str, alert: Alert) -> dict[str, object]:
    return {
        "group_key": group_key,
        "rule_key": rule_key,
        "fingerprint": alertmanager_fingerprint(alert.labels),
        "labels": to_text(alert.labels),
        "annotations": to_text(alert.annotations),
        "value": repr(alert.value),
        "state": alert.state.value,
        "active_at_ms": alert.active_at_ms,
        "fired_at_ms": alert.fired_at_ms,
        "resolved_at_ms": alert.resolved_at_ms,
        "keep_firing_since_ms": alert.keep_firing_since_ms,
        "last_sent_at_ms": alert.last_sent_at_ms,
    }


def _alert_of(row: Row[Any]) -> Alert:
    return Alert(
        labels=labels_of(row.labels),
        annotations=texts_of(row.annotations),
        value=float(row.value),
        state=AlertState(row.state),
        active_at_ms=row.active_at_ms,
        fired_at_ms=row.fired_at_ms,
        resolved_at_ms=row.resolved_at_ms,
        keep_firing_since_ms=row.keep_firing_since_ms,
        last_sent_at_ms=row.last_sent_at_ms,
    )
