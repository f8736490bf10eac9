"""The outbox: every notification, from the commit that made it due until it is delivered or given up.

    PENDING ──(claimed, sent, recorded)──► DELIVERED
       │  ▲ failed: again later
       └──┴──► DEAD, with the reason

A row is written in the transaction that changes the alert's state: neither can be lost without the other. Delivery is
at least once: a process that ends between sending and recording sends the same bytes with the same `webhook_id` again.
Of one group at one integration only the oldest pending row can be claimed, so a resolve never overtakes its firing.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Index,
    Integer,
    Row,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from alerts.database import Base, write_transaction

# SQLite numbers rows by itself only if the key is an INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")


class OutboxState(enum.Enum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeadReason(enum.Enum):
    """Why a notification was not delivered."""

    REFUSED = "refused"
    GAVE_UP = "gave_up"
    RECEIVER_DISABLED = "receiver_disabled"
    RECEIVER_GONE = "receiver_gone"
    QUEUE_FULL = "queue_full"


class _OutboxRow(Base):
    """`claimed_by` is who delivers it now; the claim is void after `claimed_until_ms`."""

    __tablename__ = "notification_outbox"

    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = mapped_column(unique=True)
    integration: Mapped[str]
    group_key: Mapped[str]
    reason: Mapped[str]
    body: Mapped[bytes]
    state: Mapped[str]
    dead_reason: Mapped[str | None]
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    next_attempt_at_ms: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_until_ms: Mapped[int] = mapped_column(BigInteger)
    finished_at_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("notification_outbox_group", "state", "integration", "group_key", "id"),
        Index("notification_outbox_finished", "state", "finished_at_ms"),
    )


class _AttemptRow(Base):
    """The receipt of one attempt; `status` is the HTTP status, None if there was no answer."""

    __tablename__ = "notification_attempts"

    id: Mapped[int] = mapped_column(_RowId, primary_key=True, autoincrement=True)
    outbox_id: Mapped[int] = mapped_column(BigInteger, index=True)
    started_at_ms: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str]
    status: Mapped[int | None]
    error: Mapped[str]


class _DisabledRow(Base):
    """An integration whose receiver asked (with 410) not to be called any more, as long as its URL is the same."""

    __tablename__ = "notification_disabled"

    integration: Mapped[str] = mapped_column(primary_key=True)
    url_digest: Mapped[str]
    disabled_at_ms: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One notification to deliver; `attempts` were made before."""

    id: int
    webhook_id: str
    integration: str
    group_key: str
    reason: str
    body: bytes
    created_at_ms: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt. `verdict` is that of alerts/notify/retry.py."""

    started_at_ms: int
    duration_ms: int
    verdict: str
    status: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """How a message leaves an attempt: DELIVERED, DEAD with a reason, or PENDING until `next_attempt_at_ms`."""

    state: OutboxState
    at_ms: int
    dead_reason: DeadReason | None = None
    next_attempt_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One row of the ledger, with its receipts."""

    message: OutboxMessage
    state: OutboxState
    dead_reason: DeadReason | None
    next_attempt_at_ms: int
    finished_at_ms: int | None
    receipts: tuple[Attempt, ...]


class Outbox:
    """Adds, claims and finishes messages. Times come from the caller."""

    def __init__(self, engine: Engine, *, queue_limit: int = 10_000) -> None:
        self._engine = engine
        self._queue_limit = queue_limit

    # Adding, inside the transaction of a state change

    def add(
        self,
        connection: Connection,
        message: OutboxMessage,
    ) -> bool:
        """Appends a message (its `id` is ignored); whether there is now something to deliver.

        Beyond the queue's limit the integration's oldest pending messages die. For a disabled integration it is dead
        from the start.
        """
        is_disabled = connection.scalar(select(exists().where(_DisabledRow.integration == message.integration)))
        state = OutboxState.DEAD if is_disabled else OutboxState.PENDING
        connection.execute(
            insert(_OutboxRow).values(
                webhook_id=message.webhook_id,
                integration=message.integration,
                group_key=message.group_key,
                reason=message.reason,
                body=message.body,
                state=state.value,
                dead_reason=DeadReason.RECEIVER_DISABLED.value if is_disabled else None,
                created_at_ms=message.created_at_ms,
                next_attempt_at_ms=message.created_at_ms,
                attempts=0,
                claimed_until_ms=0,
                finished_at_ms=message.created_at_ms if is_disabled else None,
            )
        )
        self._drop_oldest(connection, message.integration, message.created_at_ms)
        return not is_disabled

    def _drop_oldest(self, connection: Connection, integration: str, now_ms: int) -> None:
        pending = (_OutboxRow.state == OutboxState.PENDING.value, _OutboxRow.integration == integration)
        excess = (
            connection.scalar(select(func.count()).select_from(_OutboxRow).where(*pending)) or 0
        ) - self._queue_limit
        if excess > 0:
            oldest = select(_OutboxRow.id).where(*pending).order_by(_OutboxRow.id).limit(excess)
            self._kill(connection, [row.id for row in connection.execute(oldest)], DeadReason.QUEUE_FULL, now_ms)

    def _kill(self, connection: Connection, ids: Sequence[int], reason: DeadReason, now_ms: int) -> None:
        connection.execute(
            update(_OutboxRow)
            .where(_OutboxRow.id.in_(ids), _OutboxRow.state == OutboxState.PENDING.value)
            .values(state=OutboxState.DEAD.value, dead_reason=reason.value, finished_at_ms=now_ms)
        )

    # Delivering

    def claim(
        self, owner: str, integrations: Collection[str], now_ms: int, lease_ms: int, limit: int
    ) -> list[OutboxMessage]:
        """Up to `limit` messages that are due at one of `integrations`, now `owner`'s for `lease_ms`."""
        older = aliased(_OutboxRow)
        is_behind_another = exists().where(
            older.state == OutboxState.PENDING.value,
            older.integration == _OutboxRow.integration,
            older.group_key == _OutboxRow.group_key,
            older.id < _OutboxRow.id,
        )
        due = (
            select(_OutboxRow.__table__)
            .where(
                _OutboxRow.state == OutboxState.PENDING.value,
                _OutboxRow.next_attempt_at_ms <= now_ms,
                or_(_OutboxRow.claimed_by.is_(None), _OutboxRow.claimed_until_ms <= now_ms),
                _OutboxRow.integration.in_(list(integrations)),
                ~is_behind_another,
            )
            .order_by(_OutboxRow.next_attempt_at_ms, _OutboxRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with write_transaction(self._engine) as connection:
            messages = [_message_of(row) for row in connection.execute(due)]
            if messages:
                connection.execute(
                    update(_OutboxRow)
                    .where(_OutboxRow.id.in_([message.id for message in messages]))
                    .values(claimed_by=owner, claimed_until_ms=now_ms + lease_ms)
                )
        return messages

    def finish(self, message: OutboxMessage, owner: str, attempt: Attempt, finish: Finish) -> None:
        """Records an attempt and what it leads to. If the claim was lost meanwhile only the receipt is kept."""
        with write_transaction(self._engine) as connection:
            connection.execute(
                insert(_AttemptRow).values(
                    outbox_id=message.id,
                    started_at_ms=attempt.started_at_ms,
                    duration_ms=attempt.duration_ms,
                    verdict=attempt.verdict,
                    status=attempt.status,
                    error=attempt.error,
                )
            )
            is_over = finish.state is not OutboxState.PENDING
            connection.execute(
                update(_OutboxRow)
                .where(
                    _OutboxRow.id == message.id,
                    _OutboxRow.state == OutboxState.PENDING.value,
                    _OutboxRow.claimed_by == owner,
                )
                .values(
                    state=finish.state.value,
                    dead_reason=finish.dead_reason.value if finish.dead_reason else None,
                    next_attempt_at_ms=finish.next_attempt_at_ms,
                    attempts=message.attempts + 1,
                    claimed_by=None,
                    finished_at_ms=finish.at_ms if is_over else None,
                )
            )

    def release(self, owner: str) -> None:
        """Gives up the claims of `owner`: called when it starts, for it cannot be delivering anything yet."""
        with write_transaction(self._engine) as connection:
            connection.execute(update(_OutboxRow).where(_OutboxRow.claimed_by == owner).values(claimed_by=None))

    def next_attempt_ms(self, after_ms: int) -> int | None:
        """When the first message that is not due yet will be due; None if there is none."""
        with self._engine.connect() as connection:
            return connection.scalar(
                select(func.min(_OutboxRow.next_attempt_at_ms)).where(
                    _OutboxRow.state == OutboxState.PENDING.value, _OutboxRow.next_attempt_at_ms > after_ms
                )
            )

    # Integrations

    def disable(self, integration: str, url_digest: str, now_ms: int) -> None:
        """Nothing is delivered to `integration` any more; what is pending dies."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(_DisabledRow).where(_DisabledRow.integration == integration))
            connection.execute(
                insert(_DisabledRow).values(integration=integration, url_digest=url_digest, disabled_at_ms=now_ms)
            )
            self._kill_pending(connection, _OutboxRow.integration == integration, DeadReason.RECEIVER_DISABLED, now_ms)

    def set_integrations(self, url_digests: Mapping[str, str], now_ms: int) -> None:
        """What is configured now, by integration: a changed URL enables it again; messages to others die."""
        with write_transaction(self._engine) as connection:
            for row in connection.execute(select(_DisabledRow.__table__)).all():
                if url_digests.get(row.integration) != row.url_digest:
                    connection.execute(delete(_DisabledRow).where(_DisabledRow.integration == row.integration))
            self._kill_pending(
                connection, _OutboxRow.integration.not_in(list(url_digests)), DeadReason.RECEIVER_GONE, now_ms
            )

    def disabled(self) -> dict[str, int]:
        """The disabled integrations and since when."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_DisabledRow.integration, _DisabledRow.disabled_at_ms))
            return {row.integration: row.disabled_at_ms for row in rows}

    def _kill_pending(self, connection: Connection, condition: Any, reason: DeadReason, now_ms: int) -> None:
        connection.execute(
            update(_OutboxRow)
            .where(condition, _OutboxRow.state == OutboxState.PENDING.value)
            .values(state=OutboxState.DEAD.value, dead_reason=reason.value, finished_at_ms=now_ms)
        )

    # The ledger

    def entries(self, limit: int = 100) -> list[OutboxEntry]:
        """The newest messages with their receipts, newest first."""
        with self._engine.connect() as connection:
            newest = select(_OutboxRow.__table__).order_by(_OutboxRow.id.desc()).limit(limit)
            rows = connection.execute(newest).all()
            receipts: dict[int, list[Attempt]] = {row.id: [] for row in rows}
            attempts = select(_AttemptRow.__table__).where(_AttemptRow.outbox_id.in_(list(receipts)))
            for row in connection.execute(attempts.order_by(_AttemptRow.id)):
                receipts[row.outbox_id].append(
                    Attempt(row.started_at_ms, row.duration_ms, row.verdict, row.status, row.error)
                )
        return [_entry_of(row, tuple(receipts[row.id])) for row in rows]

    def pending(self) -> tuple[int, int | None]:
        """How many messages wait, and when the oldest of them was made."""
        with self._engine.connect() as connection:
            query = select(func.count(), func.min(_OutboxRow.created_at_ms)).where(
                _OutboxRow.state == OutboxState.PENDING.value
            )
            count, oldest_ms = connection.execute(query).one()
        return count, oldest_ms

    def purge(self, before_ms: int, limit: int = 1_000) -> int:
        """Deletes up to `limit` messages that were finished before then, with their receipts; returns how many."""
        with write_transaction(self._engine) as connection:
            old = (
                select(_OutboxRow.id)
                .where(_OutboxRow.state != OutboxState.PENDING.value, _OutboxRow.finished_at_ms < before_ms)
                .limit(limit)
            )
            ids = [row.id for row in connection.execute(old)]
            connection.execute(delete(_AttemptRow).where(_AttemptRow.outbox_id.in_(ids)))
            connection.execute(delete(_OutboxRow).where(_OutboxRow.id.in_(ids)))
        return len(ids)


def _message_of(row: Row[Any]) -> OutboxMessage:
    return OutboxMessage(
        id=row.id,
        webhook_id=row.webhook_id,
        integration=row.integration,
        group_key=row.group_key,
        reason=row.reason,
        body=row.body,
        created_at_ms=row.created_at_ms,
        attempts=row.attempts,
    )


def _entry_of(row: Row[Any], receipts: tuple[Attempt, ...]) -> OutboxEntry:
    return OutboxEntry(
        message=_message_of(row),
        state=OutboxState(row.state),
        dead_reason=DeadReason(row.dead_reason) if row.dead_reason else None,
        next_attempt_at_ms=row.next_attempt_at_ms,
        finished_at_ms=row.finished_at_ms,
        receipts=receipts,
    )
