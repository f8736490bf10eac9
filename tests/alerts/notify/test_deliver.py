from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from inline_executor import InlineExecutor
from manual_clock import ManualClock
from prometheus_client import CollectorRegistry

from alerts.database import open_database, write_transaction
from alerts.notify.deliver import DeliveryLoop, DeliverySettings, Target
from alerts.notify.notify_metrics import NotifyMetrics
from alerts.notify.outbox import DeadReason, Outbox, OutboxMessage, OutboxState
from alerts.notify.retry import RetryPolicy
from alerts.notify.webhook import Answer
from monitor.errors import DeliveryError

OK = Answer(204)


class ScriptedSender:
    """Gives the answers of a script in turn, the last one for ever; `gate` closed holds every answer back."""

    def __init__(self, clock: ManualClock, *script: Answer | Exception) -> None:
        self.clock = clock
        self.script = list(script) or [OK]
        self.sent: list[tuple[float, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.most_waiting = 0

    async def send(self, message: OutboxMessage) -> Answer:
        self.sent.append((self.clock.monotonic_seconds(), message.webhook_id))
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await self.gate.wait()
        self.waiting -= 1
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass


class Post:
    """An outbox, a delivery loop over it, and a sender for each integration."""

    def __init__(self, directory, settings: DeliverySettings | None = None, outbox: type[Outbox] = Outbox) -> None:
        self.clock = ManualClock()
        self.engine = open_database(f"sqlite:///{directory / 'alerts.db'}")
        self.outbox = outbox(self.engine)
        self.registry = CollectorRegistry()
        self.loop = DeliveryLoop(
            self.outbox,
            self.clock,
            NotifyMetrics.register(self.registry),
            owner="me",
            settings=settings or DeliverySettings(retry=RetryPolicy(jitter_ratio=0)),
            random=lambda: 0.5,
        )

    def add(self, webhook_id: str, group: str = "g", integration: str = "a") -> None:
        message = OutboxMessage(0, webhook_id, integration, group, "r", b"{}", self.clock.now_ms(), 0)
        with write_transaction(self.engine) as connection:
            self.outbox.add(connection, message)
        self.loop.wake()

    @contextlib.asynccontextmanager
    async def running(self, **senders: ScriptedSender) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(InlineExecutor())
        await self.loop.set_targets({key: Target(sender, f"digest of {key}") for key, sender in senders.items()})
        task = asyncio.create_task(self.loop.run())
        try:
            yield
        finally:
            await self.settle()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def settle(self) -> None:
        """Lets every task run until it waits for time, a gate or a wake."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Second by second, so that each timer is set before its time comes."""
        await self.settle()
        for _ in range(round(seconds)):
            await self.clock.advance(1)
            await self.settle()

    def states(self) -> dict[str, tuple[OutboxState, DeadReason | None]]:
        return {entry.message.webhook_id: (entry.state, entry.dead_reason) for entry in self.outbox.entries()}

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"plimsoll_{name}", labels)


@pytest.fixture
def post(tmp_path) -> Post:
    return Post(tmp_path)


def test_a_message_is_delivered_as_soon_as_somebody_wakes_the_loop(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock)
        async with post.running(a=sender):
            post.add("1")
        assert sender.sent == [(0, "1")]

    asyncio.run(story())
    (entry,) = post.outbox.entries()
    assert (entry.state, entry.receipts[0].status, entry.receipts[0].verdict) == (
        OutboxState.DELIVERED,
        204,
        "delivered",
    )
    assert post.metric("notify_latency_seconds_count", integration="a") == 1


def test_without_a_wake_the_outbox_is_looked_at_every_five_seconds(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock)
        async with post.running(a=sender):
            await post.settle()
            with write_transaction(post.engine) as connection:
                post.outbox.add(connection, OutboxMessage(0, "1", "a", "g", "r", b"", 0, 0))
            await post.advance(5)
        assert sender.sent == [(5, "1")]

    asyncio.run(story())


def test_failures_are_retried_after_growing_delays(post):
    async def story() -> None:
        failures = [Answer(503), DeliveryError("no route", permanent=False), Answer(500), Answer(429)]
        sender = ScriptedSender(post.clock, *failures, OK)
        async with post.running(a=sender):
            post.add("1")
            await post.advance(20)
        assert sender.sent == [(0, "1"), (1, "1"), (3, "1"), (8, "1"), (18, "1")]

    asyncio.run(story())
    (entry,) = post.outbox.entries()
    assert [(receipt.status, receipt.error) for receipt in entry.receipts] == [
        (503, ""), (None, "no route"), (500, ""), (429, ""), (204, ""),
    ]  # fmt: skip


def test_retry_after_puts_the_next_attempt_off(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock, Answer(429, "12"), OK)
        async with post.running(a=sender):
            post.add("1")
            await post.advance(13)
        assert sender.sent == [(0, "1"), (12, "1")]

    asyncio.run(story())


def test_a_resolve_never_overtakes_its_firing(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock, Answer(503), Answer(503), OK)
        async with post.running(a=sender):
            post.add("firing")
            post.add("resolved")
            post.add("other group", group="h")
            await post.advance(4)
        assert [webhook_id for _, webhook_id in sender.sent if webhook_id != "other group"][-2:] == [
            "firing",
            "resolved",
        ]

    asyncio.run(story())
    assert {state for state, _ in post.states().values()} == {OutboxState.DELIVERED}


@pytest.mark.parametrize(
    "refusal", [Answer(400), Answer(404), Answer(301), DeliveryError("forbidden address", permanent=True)]
)
def test_a_refusal_is_final_and_the_next_message_goes_on(post, refusal):
    async def story() -> None:
        async with post.running(a=ScriptedSender(post.clock, refusal, OK)):
            post.add("1")
            post.add("2")

    asyncio.run(story())
    assert post.states() == {"2": (OutboxState.DELIVERED, None), "1": (OutboxState.DEAD, DeadReason.REFUSED)}
    assert post.metric("notify_dead_letters_total", integration="a", reason="refused") == 1


def test_gone_disables_the_integration(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock, Answer(410))
        async with post.running(a=sender):
            post.add("1")
            post.add("2")
            await post.settle()
            post.add("3")
        assert len(sender.sent) == 1

    asyncio.run(story())
    assert set(post.states().values()) == {(OutboxState.DEAD, DeadReason.RECEIVER_DISABLED)}
    assert list(post.outbox.disabled()) == ["a"]


def test_after_long_enough_it_is_given_up(tmp_path):
    retry = RetryPolicy(delays_ms=(0, 2_000), jitter_ratio=0, give_up_after_ms=5_000)
    post = Post(tmp_path, DeliverySettings(retry=retry))

    async def story() -> None:
        sender = ScriptedSender(post.clock, Answer(503))
        async with post.running(a=sender):
            post.add("1")
            await post.advance(8)
        assert [at for at, _ in sender.sent] == [0, 2, 4]

    asyncio.run(story())
    assert post.states() == {"1": (OutboxState.DEAD, DeadReason.GAVE_UP)}


def test_one_slow_receiver_does_not_hold_up_the_others(tmp_path):
    post = Post(tmp_path, DeliverySettings(concurrency=6, concurrency_per_integration=3))

    async def story() -> None:
        slow, quick = ScriptedSender(post.clock), ScriptedSender(post.clock)
        slow.gate.clear()
        async with post.running(a=slow, b=quick):
            for number in range(10):
                post.add(f"a{number}", group=str(number))
            await post.settle()
            post.add("b", integration="b")
            await post.settle()
            assert (slow.most_waiting, quick.sent) == (3, [(0, "b")])
            slow.gate.set()
        assert len(slow.sent) == 10

    asyncio.run(story())


def test_at_most_so_many_are_sent_at_the_same_time(tmp_path):
    post = Post(tmp_path, DeliverySettings(concurrency=4, concurrency_per_integration=3))

    async def story() -> None:
        senders = {key: ScriptedSender(post.clock) for key in "abc"}
        for sender in senders.values():
            sender.gate.clear()
        async with post.running(**senders):
            for key, number in ((key, number) for key in "abc" for number in range(3)):
                post.add(f"{key}{number}", group=str(number), integration=key)
            await post.settle()
            assert sum(sender.waiting for sender in senders.values()) == 4
            for sender in senders.values():
                sender.gate.set()

    asyncio.run(story())
    assert {state for state, _ in post.states().values()} == {OutboxState.DELIVERED}


def test_nothing_is_sent_before_the_targets_are_known(post):
    post.add("1")

    async def story() -> None:
        asyncio.get_running_loop().set_default_executor(InlineExecutor())
        task = asyncio.create_task(post.loop.run())
        await post.advance(10)
        assert post.outbox.entries()[0].receipts == ()
        await post.loop.set_targets({"a": Target(ScriptedSender(post.clock), "")})
        await post.settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert post.states() == {"1": (OutboxState.DELIVERED, None)}


def test_what_is_under_way_at_the_end_is_finished(post):
    async def story() -> None:
        sender = ScriptedSender(post.clock)
        sender.gate.clear()
        async with post.running(a=sender):
            post.add("1")
            await post.settle()
            asyncio.get_running_loop().call_later(0.1, sender.gate.set)

    asyncio.run(story())
    assert post.states() == {"1": (OutboxState.DELIVERED, None)}


def test_what_cannot_be_finished_is_sent_again_by_the_next_process_under_the_same_id(tmp_path):
    post = Post(tmp_path, replace(DeliverySettings(), shutdown_ms=20))
    sent: defaultdict[str, int] = defaultdict(int)

    async def story(gate_open: bool) -> None:
        sender = ScriptedSender(post.clock)
        if not gate_open:
            sender.gate.clear()
        async with post.running(a=sender):
            await post.settle()
        for _, webhook_id in sender.sent:
            sent[webhook_id] += 1

    post.add("1")
    asyncio.run(story(gate_open=False))
    assert post.states() == {"1": (OutboxState.PENDING, None)}
    asyncio.run(story(gate_open=True))

    assert (post.states(), sent) == ({"1": (OutboxState.DELIVERED, None)}, {"1": 2})


class FlakyOutbox(Outbox):
    failures = 2

    def claim(self, *arguments, **options):
        if self.failures:
            self.failures -= 1
            raise OSError("database is locked")
        return super().claim(*arguments, **options)


def test_a_database_that_fails_for_a_moment_stops_nothing(tmp_path):
    post = Post(tmp_path, outbox=FlakyOutbox)

    async def story() -> None:
        post.add("1")
        async with post.running(a=ScriptedSender(post.clock)):
            await post.advance(3)

    asyncio.run(story())
    assert post.states() == {"1": (OutboxState.DELIVERED, None)}
    assert post.metric("notify_loop_errors_total") == 2


def test_a_bug_in_a_sender_ends_in_a_receipt_and_another_try(post):
    async def story() -> None:
        async with post.running(a=ScriptedSender(post.clock, ZeroDivisionError("oh"), OK)):
            post.add("1")
            await post.advance(2)

    asyncio.run(story())
    (entry,) = post.outbox.entries()
    assert [receipt.error for receipt in entry.receipts] == ["ZeroDivisionError", ""]
    assert entry.state is OutboxState.DELIVERED


def test_no_attempt_outlives_half_of_its_lease(tmp_path):
    post = Post(tmp_path, DeliverySettings(lease_ms=40))

    async def story() -> None:
        sender = ScriptedSender(post.clock)
        sender.gate.clear()
        async with post.running(a=sender):
            post.add("1")
            await post.settle()
            await asyncio.sleep(0.1)

    asyncio.run(story())
    (receipt,) = post.outbox.entries()[0].receipts
    assert (receipt.verdict, receipt.error) == ("retry", "no answer within 0.02 s, half of the lease")


def test_the_outbox_is_measured(post):
    async def story() -> None:
        async with post.running(a=ScriptedSender(post.clock, Answer(503))):
            post.add("1")
            await post.advance(10)
            assert post.metric("outbox_pending") == 1
            assert post.metric("outbox_oldest_age_seconds") >= 5

    asyncio.run(story())
