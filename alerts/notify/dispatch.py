"""Notices in, outbox rows out: which groups they belong to, and whether a group is worth a notification.

It plays Alertmanager's part between the API and the receivers, for the simplest route: no waiting, no muting. What it
knows is in SQL, in the same transactions as the alerts' own state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Row, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from alerts.alert_state import RESOLVED_RETENTION_MS
from alerts.database import Base, upsert, write_transaction
from alerts.notify.grouping import NotificationReason, NotifiedGroup, alert_order, notification_reason
from alerts.notify.integration import Integration
from alerts.notify.notice import Notice
from alerts.notify.outbox import Outbox, OutboxMessage
from alerts.notify.route import RoutedGroup, Router
from alerts.notify.webhook_body import GroupMessage, NotifiedAlert, webhook_body
from alerts.stored_labels import alertmanager_fingerprint, labels_of, texts_of, to_text
from monitor.model.labels import Labels

NEVER_MS = 2**62


class _MemberRow(Base):
    """An alert in a group of a receiver, as last heard of; `is_firing` when the group was last looked at."""

    __tablename__ = "notification_members"

    receiver: Mapped[str] = mapped_column(primary_key=True)
    group_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    group_labels: Mapped[str]
    labels: Mapped[str]
    annotations: Mapped[str]
    starts_at_ms: Mapped[int] = mapped_column(BigInteger)
    ends_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    is_firing: Mapped[bool]
    generator_url: Mapped[str]


class _GroupRow(Base):
    """What an integration was told last about a group; `firing` and `resolved` are JSON lists of fingerprints."""

    __tablename__ = "notification_groups"

    integration: Mapped[str] = mapped_column(primary_key=True)
    group_key: Mapped[str] = mapped_column(primary_key=True)
    receiver: Mapped[str]
    firing: Mapped[str]
    resolved: Mapped[str]
    notified_at_ms: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """`resume_grace_ms` is how long alerts stay as they are after a start before they can run out."""

    external_url: str = ""
    external_labels: Labels = Labels()  # noqa: RUF009  (immutable)
    body_limit_bytes: int = 4 * 2**20
    resume_grace_ms: int = 600_000


def keep_labels(labels: Labels) -> Labels | None:
    """The relabelling of a configuration without `alert_relabel_configs`."""
    return labels


class GroupDispatcher:
    """Groups notices and puts notifications into the outbox.

    `relabel` is what `alert_relabel_configs` do: None drops the alert. `new_id` gives webhook ids.
    """

    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        router: Router,
        integrations: Mapping[str, tuple[Integration, ...]],
        *,
        settings: DispatchSettings,
        new_id: Callable[[], str],
        relabel: Callable[[Labels], Labels | None] = keep_labels,
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._router = router
        self._integrations = integrations
        self._settings = settings
        self._new_id = new_id
        self._relabel = relabel

    def dispatch(self, connection: Connection, notices: Sequence[Notice], now_ms: int) -> bool:
        """Takes `notices` in; whether there is something new to deliver."""
        groups: dict[tuple[str, str], RoutedGroup] = {}
        members: dict[tuple[str, str, str], dict[str, Any]] = {}
        for notice in notices:
            labels = self._outward_labels(notice.labels)
            if labels is None:
                continue
            for group in self._router.routes(labels):
                groups[group.receiver, group.group_key] = group
                row = _member(group, labels, notice, now_ms)
                members[group.receiver, group.group_key, row["fingerprint"]] = row
        known = {key: self._fingerprints(connection, group) for key, group in groups.items()}
        # As in Alertmanager an alert that was resolved before anybody heard of it is none of the group.
        heard = [
            row
            for (receiver, group_key, fingerprint), row in members.items()
            if row["is_firing"] or fingerprint in known[receiver, group_key]
        ]
        upsert(connection, _MemberRow, heard)
        flushed = [self._flush(connection, group, now_ms) for group in groups.values()]
        return any(flushed)

    def _fingerprints(self, connection: Connection, group: RoutedGroup) -> frozenset[str]:
        """The alerts that the group has."""
        rows = connection.execute(
            select(_MemberRow.fingerprint).where(
                _MemberRow.receiver == group.receiver, _MemberRow.group_key == group.group_key
            )
        )
        return frozenset(row.fingerprint for row in rows)

    def sweep(self, now_ms: int) -> bool:
        """Announces alerts that ran out because nobody renewed them; whether there is something new to deliver."""
        expired = select(_MemberRow.__table__).where(_MemberRow.is_firing.is_(True), _MemberRow.ends_at_ms <= now_ms)
        forgotten_ms = now_ms - RESOLVED_RETENTION_MS
        with write_transaction(self._engine) as connection:
            groups = {(row.receiver, row.group_key): _group_of(row) for row in connection.execute(expired).all()}
            flushed = [self._flush(connection, group, now_ms) for group in groups.values()]
            connection.execute(
                delete(_MemberRow).where(_MemberRow.is_firing.is_(False), _MemberRow.ends_at_ms < forgotten_ms)
            )
            known = select(_MemberRow.group_key).where(_MemberRow.receiver == _GroupRow.receiver)
            connection.execute(delete(_GroupRow).where(_GroupRow.group_key.not_in(known)))
        return any(flushed)

    def resume(self, now_ms: int) -> None:
        """Called at the start: an alert must not run out only because nobody was there to renew it."""
        with write_transaction(self._engine) as connection:
            until_ms = now_ms + self._settings.resume_grace_ms
            connection.execute(
                update(_MemberRow)
                .where(_MemberRow.is_firing.is_(True), _MemberRow.ends_at_ms < until_ms)
                .values(ends_at_ms=until_ms)
            )

    def _outward_labels(self, labels: Labels) -> Labels | None:
        """With the external labels where there is none of that name, and relabelled."""
        return self._relabel(Labels({**self._settings.external_labels, **labels}))

    def _flush(self, connection: Connection, group: RoutedGroup, now_ms: int) -> bool:
        """Looks at a group and notifies if that is due."""
        alerts = self._members(connection, group, now_ms)
        firing = frozenset(alert.fingerprint for alert in alerts if alert.ends_at_ms is None)
        resolved = frozenset(alert.fingerprint for alert in alerts if alert.ends_at_ms is not None)
        is_due = False
        for integration in self._integrations.get(group.receiver, ()):
            reason = notification_reason(
                self._last(connection, integration, group),
                firing,
                resolved,
                now_ms,
                send_resolved=integration.config.send_resolved,
                repeat_interval_ms=group.repeat_interval_ms,
            )
            if reason is not None:
                is_due |= self._notify(connection, integration, group, alerts, reason, now_ms)
                self._remember(connection, integration, group, NotifiedGroup(firing, resolved, now_ms))
        return is_due

    def _members(self, connection: Connection, group: RoutedGroup, now_ms: int) -> list[NotifiedAlert]:
        """The group's alerts in Alertmanager's order, those that ran out marked so."""
        place = (_MemberRow.receiver == group.receiver, _MemberRow.group_key == group.group_key)
        connection.execute(
            update(_MemberRow)
            .where(*place, _MemberRow.is_firing.is_(True), _MemberRow.ends_at_ms <= now_ms)
            .values(is_firing=False)
        )
        alerts = [_alert_of(row) for row in connection.execute(select(_MemberRow.__table__).where(*place))]
        return sorted(alerts, key=lambda alert: alert_order(alert.labels))

    def _notify(
        self,
        connection: Connection,
        integration: Integration,
        group: RoutedGroup,
        alerts: Sequence[NotifiedAlert],
        reason: NotificationReason,
        now_ms: int,
    ) -> bool:
        config = integration.config
        shown = [alert for alert in alerts if config.send_resolved or alert.ends_at_ms is None]
        if not shown:
            return False
        settings = self._settings
        message = GroupMessage(
            group.receiver, group.group_key, group.group_labels, reason, settings.external_url, shown
        )
        body = webhook_body(message, config.max_alerts, settings.body_limit_bytes)
        return self._outbox.add(
            connection,
            OutboxMessage(0, self._new_id(), integration.key, group.group_key, reason.value, body, now_ms, 0),
        )

    def _last(self, connection: Connection, integration: Integration, group: RoutedGroup) -> NotifiedGroup | None:
        row = connection.execute(
            select(_GroupRow.__table__).where(
                _GroupRow.integration == integration.key, _GroupRow.group_key == group.group_key
            )
        ).first()
        if row is None:
            return None
        return NotifiedGroup(frozenset(json.loads(row.firing)), frozenset(json.loads(row.resolved)), row.notified_at_ms)

    def _remember(
        self, connection: Connection, integration: Integration, group: RoutedGroup, told: NotifiedGroup
    ) -> None:
        row = {
            "integration": integration.key,
            "group_key": group.group_key,
            "receiver": group.receiver,
            "firing": json.dumps(sorted(told.firing)),
            "resolved": json.dumps(sorted(told.resolved)),
            "notified_at_ms": told.notified_at_ms,
        }
        upsert(connection, _GroupRow, [row])


def _member(group: RoutedGroup, labels: Labels, notice: Notice, now_ms: int) -> dict[str, Any]:
    return {
        "receiver": group.receiver,
        "group_key": group.group_key,
        "fingerprint": alertmanager_fingerprint(labels),
        "group_labels": to_text(group.group_labels),
        "labels": to_text(labels),
        "annotations": to_text(notice.annotations),
        "starts_at_ms": notice.starts_at_ms,
        "ends_at_ms": notice.ends_at_ms,
        "is_firing": notice.is_firing(now_ms),
        "generator_url": notice.generator_url,
    }


def _group_of(row: Row[Any]) -> RoutedGroup:
    """The group that a member is in; it gives no reason to remind anybody."""
    return RoutedGroup(row.receiver, row.group_key, labels_of(row.group_labels), repeat_interval_ms=NEVER_MS)


def _alert_of(row: Row[Any]) -> NotifiedAlert:
    return NotifiedAlert(
        labels=labels_of(row.labels),
        annotations=texts_of(row.annotations),
        starts_at_ms=row.starts_at_ms,
        ends_at_ms=None if row.is_firing else row.ends_at_ms,
        generator_url=row.generator_url,
        fingerprint=row.fingerprint,
    )
