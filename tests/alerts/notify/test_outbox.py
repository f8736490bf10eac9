from __future__ import annotations

import pytest

from alerts.database import open_database, write_transaction
from alerts.notify.outbox import Attempt, DeadReason, Finish, Outbox, OutboxMessage, OutboxState

LEASE_MS = 60_000
DELIVERED = Attempt(5, 7, "delivered", 200)
FAILED = Attempt(5, 7, "retry", 503, "busy")


class Box:
    """An outbox with a short way to fill and empty it."""

    def __init__(self, directory, **options) -> None:
        self.engine = open_database(f"sqlite:///{directory / 'alerts.db'}")
        self.outbox = Outbox(self.engine, **options)

    def add(self, webhook_id: str, group: str = "g", integration: str = "a", at_ms: int = 0) -> bool:
        message = OutboxMessage(0, webhook_id, integration, group, "first notification", b"{}", at_ms, 0)
        with write_transaction(self.engine) as connection:
            return self.outbox.add(connection, message)

    def claim(
        self, now_ms: int = 0, owner: str = "me", integrations=("a", "b"), limit: int = 10
    ) -> list[OutboxMessage]:
        return self.outbox.claim(owner, integrations, now_ms, LEASE_MS, limit)

    def ids(self, now_ms: int = 0, **options) -> list[str]:
        return [message.webhook_id for message in self.claim(now_ms, **options)]

    def deliver(self, message: OutboxMessage, at_ms: int = 0) -> None:
        self.outbox.finish(message, "me", DELIVERED, Finish(OutboxState.DELIVERED, at_ms))

    def fail(self, message: OutboxMessage, next_ms: int) -> None:
        self.outbox.finish(message, "me", FAILED, Finish(OutboxState.PENDING, 0, next_attempt_at_ms=next_ms))

    def states(self) -> dict[str, tuple[OutboxState, DeadReason | None]]:
        return {entry.message.webhook_id: (entry.state, entry.dead_reason) for entry in self.outbox.entries()}


@pytest.fixture
def box(tmp_path) -> Box:
    return Box(tmp_path)


def test_a_message_is_claimed_once(box):
    box.add("1")

    assert box.ids() == ["1"]
    assert box.ids() == []


def test_a_delivered_message_is_done_and_has_its_receipt(box):
    box.add("1")
    box.deliver(box.claim()[0], at_ms=9)

    (entry,) = box.outbox.entries()
    assert (entry.state, entry.finished_at_ms, entry.receipts) == (OutboxState.DELIVERED, 9, (DELIVERED,))
    assert box.outbox.pending() == (0, None)


def test_a_failed_message_comes_back_when_it_is_due(box):
    box.add("1")
    box.fail(box.claim()[0], next_ms=1_000)

    assert box.outbox.next_attempt_ms(0) == 1_000
    assert box.ids(999) == []
    (message,) = box.claim(1_000)
    assert message.attempts == 1


def test_of_a_group_only_the_oldest_pending_message_can_be_claimed(box):
    box.add("firing")
    box.add("resolved")
    box.add("other group", group="h")
    box.add("other integration", integration="b")

    first = box.claim()

    assert [message.webhook_id for message in first] == ["firing", "other group", "other integration"]
    box.fail(first[0], next_ms=1_000)
    assert box.ids(500) == []
    (again,) = box.claim(1_000)
    box.deliver(again)
    assert box.ids(1_000) == ["resolved"]


def test_only_the_integrations_asked_for_are_claimed_up_to_the_limit(box):
    for number in range(5):
        box.add(f"a{number}", group=str(number))
    box.add("b", integration="b")

    assert box.ids(integrations=["b"]) == ["b"]
    assert box.ids(limit=2) == ["a0", "a1"]
    assert box.ids(integrations=[]) == []


def test_the_claim_of_a_dead_owner_runs_out(box):
    box.add("1")
    box.claim(0, owner="dead")

    assert box.ids(LEASE_MS - 1) == []
    assert box.ids(LEASE_MS) == ["1"]


def test_an_owner_that_starts_again_gets_its_claims_back_at_once(box):
    box.add("mine")
    box.add("theirs", group="h")
    box.claim(0, owner="me", limit=1)
    box.claim(0, owner="other", limit=1)

    box.outbox.release("me")

    assert box.ids() == ["mine"]


def test_who_lost_the_claim_leaves_only_a_receipt(box):
    box.add("1")
    (slow,) = box.claim(0, owner="slow")
    box.claim(LEASE_MS, owner="quick")

    box.outbox.finish(slow, "slow", DELIVERED, Finish(OutboxState.DELIVERED, 0))

    (entry,) = box.outbox.entries()
    assert (entry.state, entry.receipts) == (OutboxState.PENDING, (DELIVERED,))


def test_a_full_queue_loses_its_oldest_messages_visibly(tmp_path):
    box = Box(tmp_path, queue_limit=2)
    for number in range(4):
        box.add(str(number), group=str(number))
    box.add("b", integration="b")

    assert box.states() == {
        "0": (OutboxState.DEAD, DeadReason.QUEUE_FULL),
        "1": (OutboxState.DEAD, DeadReason.QUEUE_FULL),
        "2": (OutboxState.PENDING, None),
        "3": (OutboxState.PENDING, None),
        "b": (OutboxState.PENDING, None),
    }


def test_a_disabled_integration_gets_nothing_until_its_url_changes(box):
    box.outbox.set_integrations({"a": "old", "b": "b"}, 0)
    box.add("1")
    box.outbox.disable("a", "old", 5)

    assert box.add("2") is False
    assert set(box.states().values()) == {(OutboxState.DEAD, DeadReason.RECEIVER_DISABLED)}
    assert box.outbox.disabled() == {"a": 5}
    box.outbox.set_integrations({"a": "old", "b": "b"}, 6)
    assert box.add("3") is False
    box.outbox.set_integrations({"a": "new", "b": "b"}, 7)
    assert box.add("4") is True


def test_messages_to_integrations_that_are_gone_die(box):
    box.add("1")
    box.add("2", integration="b")

    box.outbox.set_integrations({"b": "x"}, 3)

    assert box.states()["1"] == (OutboxState.DEAD, DeadReason.RECEIVER_GONE)
    assert box.ids() == ["2"]


def test_a_rolled_back_transaction_leaves_no_message(box):
    message = OutboxMessage(0, "1", "a", "g", "r", b"{}", 0, 0)
    with pytest.raises(ValueError, match="the state could not be stored"), write_transaction(box.engine) as connection:
        box.outbox.add(connection, message)
        raise ValueError("the state could not be stored")

    assert box.outbox.entries() == []


def test_finished_messages_are_purged_with_their_receipts_and_pending_ones_never(box):
    for number in range(3):
        box.add(str(number), group=str(number))
    first, second, _ = box.claim()
    box.deliver(first, at_ms=1)
    box.deliver(second, at_ms=9)

    assert box.outbox.purge(before_ms=5) == 1

    assert list(box.states()) == ["2", "1"]
    assert box.outbox.purge(before_ms=5) == 0


def test_pending_tells_how_many_wait_and_since_when(box):
    box.add("1", at_ms=7)
    box.add("2", at_ms=8)

    assert box.outbox.pending() == (2, 7)
