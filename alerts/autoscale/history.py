"""Decisions in SQL: which were made, from what, whether they were carried out, and with what result.

An order is carried out at most once. Its decision is stored as PENDING, then claimed by a compare-and-set, then acted
on, then finished:

    PENDING ──claim──► CLAIMED ──finish──► APPLIED | REFUSED | FAILED
       └──expires──► EXPIRED  └──expires──► INTERRUPTED

A process that ends between claim and finish leaves CLAIMED behind. Nobody acts on it again: when the order's life is
over it becomes INTERRUPTED, which says that it was not, or not knowingly, carried out; the next decision repairs what
it left.

Not every evaluation is stored, or a policy that is evaluated each second would fill the disk with "no change". See
`needs_recording`. A row takes 2 to 3 kB, so the default of 10 000 rows for each policy bounds it to about 25 MB.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    Delete,
    Engine,
    Select,
    Update,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Change, Decision, Observation, State
from alerts.autoscale.memory import longest_period_ms
from alerts.autoscale.policy import Policy
from alerts.autoscale.stored_form import from_json, to_json
from alerts.database import Base, write_transaction

FORMULA_VERSION = 1
"""Rises when `decide` gives other answers than before: a stored decision replays exactly under its own version."""

PAGE_MAX = 1_000


class Outcome(enum.Enum):
    """What became of a decision."""

    RECORDED = "recorded"
    """Nothing was to be done."""
    DRY_RUN = "dry_run"
    SUPPRESSED = "suppressed"
    """The actuator's circuit breaker was open."""
    PENDING = "pending"
    CLAIMED = "claimed"
    APPLIED = "applied"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"


class _PolicyRow(Base):
    """`last_seq` is the newest decision_seq given out, `claimed_seq` the newest that was claimed."""

    __tablename__ = "scaling_policies"

    policy: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    claimed_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class _DecisionRow(Base):
    __tablename__ = "scaling_decisions"

    policy: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    decision_id: Mapped[str] = mapped_column(unique=True)
    at_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(index=True)
    replicas: Mapped[int | None]
    desired: Mapped[int | None]
    dry_run: Mapped[bool]
    reason: Mapped[str]
    trust: Mapped[str]
    formula_version: Mapped[int]
    claimed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    finished_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    receipt_replicas: Mapped[int | None]
    receipt_detail: Mapped[str]
    policy_json: Mapped[str]
    state_json: Mapped[str]
    observation_json: Mapped[str]
    decision_json: Mapped[str]


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One decision with everything it was made from and what became of it."""

    decision_id: str
    seq: int
    expires_at_ms: int
    outcome: Outcome
    claimed_at_ms: int | None
    finished_at_ms: int | None
    receipt_replicas: int | None
    receipt_detail: str
    policy: Policy
    state: State
    observation: Observation
    decision: Decision
    formula_version: int

    def replay(self) -> Decision:
        """The decision computed again from what it was made from."""
        return decide(self.policy, self.state, self.observation, self.decision.at_ms)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a policy knows after a restart: no watch, so that nothing scales down at first.

    Of the newest order that was carried out, `asked_replicas` is what it asked for and `reported_replicas` what the
    receiver said it had then. Decisions of the other dry_run setting are not remembered: they had another world.
    """

    state: State
    asked_replicas: int | None = None
    reported_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What is kept of each policy. The newest decision is always kept."""

    rows_max: int = 10_000
    age_max_ms: int = 90 * 86_400_000
    heartbeat_ms: int = 600_000


def needs_recording(settings: HistorySettings, last: Decision | None, decision: Decision) -> bool:
    """Whether `decision` says something new since `last`, the newest recorded one, or a heartbeat is due.

    New is another desired count, another trust in the data, or a change to be carried out.
    """
    if last is None or decision.at_ms - last.at_ms >= settings.heartbeat_ms:
        return True
    if decision.desired != last.desired or decision.trust is not last.trust:
        return True
    return decision.wants_change and not decision.dry_run


class DecisionHistory:
    """The decisions of all policies. Calls block and may be made from any thread."""

    def __init__(self, engine: Engine, settings: HistorySettings) -> None:
        self._engine = engine
        self.settings = settings

    def record(self, new: NewDecision) -> StoredDecision:
        """Stores a decision under the policy's next decision_seq."""
        with Session(self._engine) as session, session.begin():
            row = _row_of(new, self._next_seq(session, new.policy.name))
            session.add(row)
            session.flush()
            return _stored(row)

    def claim(self, policy: str, seq: int, now_ms: int) -> bool:
        """Whether the caller, and nobody else, may now act on the decision.

        False if it is not pending, has expired, or a newer one was claimed.
        """
        newest = (
            update(_PolicyRow).where(_PolicyRow.policy == policy, _PolicyRow.claimed_seq < seq).values(claimed_seq=seq)
        )
        claimed = (
            update(_DecisionRow)
            .where(
                _DecisionRow.policy == policy,
                _DecisionRow.seq == seq,
                _DecisionRow.outcome == Outcome.PENDING.value,
                _DecisionRow.expires_at_ms > now_ms,
            )
            .values(outcome=Outcome.CLAIMED.value, claimed_at_ms=now_ms)
        )
        with Session(self._engine) as session:
            if _rows(session, newest) == 1 and _rows(session, claimed) == 1:
                session.commit()
                return True
            session.rollback()
            return False

    def finish(
        self, policy: str, seq: int, outcome: Outcome, now_ms: int, *, replicas: int | None, detail: str
    ) -> None:
        """Records what came of a claimed decision; `detail` is cut to 2 000 characters."""
        unfinished = (Outcome.CLAIMED.value, Outcome.INTERRUPTED.value)
        finished = (
            update(_DecisionRow)
            .where(_DecisionRow.policy == policy, _DecisionRow.seq == seq, _DecisionRow.outcome.in_(unfinished))
            .values(
                outcome=outcome.value,
                finished_at_ms=now_ms,
                receipt_replicas=replicas,
                receipt_detail=detail[:_DETAIL_MAX],
            )
        )
        with Session(self._engine) as session, session.begin():
            session.execute(finished)

    def end_expired(self, now_ms: int) -> int:
        """Marks what was never claimed or never finished and whose life is over; returns how many."""
        with Session(self._engine) as session, session.begin():
            return sum(
                _rows(
                    session,
                    update(_DecisionRow)
                    .where(_DecisionRow.outcome == before.value, _DecisionRow.expires_at_ms <= now_ms)
                    .values(outcome=after.value, finished_at_ms=now_ms),
                )
                for before, after in ((Outcome.PENDING, Outcome.EXPIRED), (Outcome.CLAIMED, Outcome.INTERRUPTED))
            )

    def restore(self, policy: Policy, now_ms: int) -> Remembered:
        """What the policy knew, from its stored decisions."""
        period_ms = longest_period_ms(policy)
        same_world = _newest(policy.name).where(_DecisionRow.dry_run == policy.dry_run)
        applied = same_world.where(_DecisionRow.outcome == Outcome.APPLIED.value)
        carried_out = same_world.where(_DecisionRow.outcome.in_((Outcome.APPLIED.value, Outcome.DRY_RUN.value)))
        with Session(self._engine) as session:
            newest = session.scalar(same_world.where(_DecisionRow.desired.is_not(None)).limit(1))
            order = session.scalar(carried_out.limit(1))
            changed = session.scalars(applied.where(_DecisionRow.at_ms > now_ms - period_ms)).all()
            changes = tuple(_change(row) for row in reversed(changed) if row.replicas is not None)
            return Remembered(
                State(last_desired=newest.desired if newest else None, changes=changes),
                order.desired if order else None,
                order.receipt_replicas if order else None,
            )

    def page(self, policy: str, limit: int, before: int | None = None) -> list[StoredDecision]:
        """Up to `limit` decisions with a decision_seq below `before`, the newest first."""
        query = _newest(policy).limit(max(1, min(limit, PAGE_MAX)))
        if before is not None:
            query = query.where(_DecisionRow.seq < before)
        with Session(self._engine) as session:
            return [_stored(row) for row in session.scalars(query)]

    def prune(self, now_ms: int) -> int:
        """Deletes decisions over the age or number of the settings; returns how many."""
        with write_transaction(self._engine) as connection:
            policies = connection.execute(select(_PolicyRow.policy, _PolicyRow.last_seq)).all()
            return sum(self._prune_policy(connection, name, last_seq, now_ms) for name, last_seq in policies)

    def _prune_policy(self, connection: Connection, policy: str, last_seq: int, now_ms: int) -> int:
        too_old = _DecisionRow.at_ms < now_ms - self.settings.age_max_ms
        too_many = _DecisionRow.seq <= last_seq - self.settings.rows_max
        is_not_newest = _DecisionRow.seq < last_seq
        surplus = delete(_DecisionRow).where(_DecisionRow.policy == policy, is_not_newest, too_old | too_many)
        return _rows(connection, surplus)

    def _next_seq(self, session: Session, policy: str) -> int:
        following = (
            update(_PolicyRow)
            .where(_PolicyRow.policy == policy)
            .values(last_seq=_PolicyRow.last_seq + 1)
            .returning(_PolicyRow.last_seq)
        )
        seq = session.scalar(following)
        if seq is not None:
            return seq
        try:
            with session.begin_nested():
                session.execute(insert(_PolicyRow).values(policy=policy, last_seq=1, claimed_seq=0))
        except IntegrityError:
            # Another process made the row first.
            return session.scalars(following).one()
        return 1


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision about to be stored. `state` is the one it was made from."""

    decision_id: str
    policy: Policy
    state: State
    observation: Observation
    decision: Decision
    outcome: Outcome
    expires_at_ms: int


_DETAIL_MAX = 2_000


def _newest(policy: str) -> Select[Any]:
    return select(_DecisionRow).where(_DecisionRow.policy == policy).order_by(_DecisionRow.seq.desc())


def _rows(where: Session | Connection, statement: Update | Delete) -> int:
    """How many rows a data-changing statement touched."""
    result = where.execute(statement)
    assert isinstance(result, CursorResult), f"BUG: got {type(result).__name__}, want CursorResult"
    return result.rowcount


def _change(row: _DecisionRow) -> Change:
    assert row.replicas is not None and row.desired is not None, "BUG: got an applied decision without counts"
    return Change(row.at_ms, row.replicas, row.desired)


def _row_of(new: NewDecision, seq: int) -> _DecisionRow:
    decision = new.decision
    return _DecisionRow(
        policy=new.policy.name,
        seq=seq,
        decision_id=new.decision_id,
        at_ms=decision.at_ms,
        expires_at_ms=new.expires_at_ms,
        outcome=new.outcome.value,
        replicas=decision.inputs.replicas,
        desired=decision.desired,
        dry_run=decision.dry_run,
        reason=decision.reason.value,
        trust=decision.trust.value,
        formula_version=FORMULA_VERSION,
        receipt_detail="",
        policy_json=to_json(new.policy),
        state_json=to_json(new.state),
        observation_json=to_json(new.observation),
        decision_json=to_json(decision),
    )


def _stored(row: _DecisionRow) -> StoredDecision:
    return StoredDecision(
        decision_id=row.decision_id,
        seq=row.seq,
        expires_at_ms=row.expires_at_ms,
        outcome=Outcome(row.outcome),
        claimed_at_ms=row.claimed_at_ms,
        finished_at_ms=row.finished_at_ms,
        receipt_replicas=row.receipt_replicas,
        receipt_detail=row.receipt_detail,
        policy=from_json(Policy, row.policy_json),
        state=from_json(State, row.state_json),
        observation=from_json(Observation, row.observation_json),
        decision=from_json(Decision, row.decision_json),
        formula_version=row.formula_version,
    )
