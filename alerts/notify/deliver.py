"""The delivery loop: claims what is due in the outbox, sends it, records what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alerts.checkpoint import Checkpoint, no_checkpoint
from alerts.notify.notify_metrics import NotifyMetrics
from alerts.notify.outbox import Attempt, DeadReason, Finish, Outbox, OutboxMessage, OutboxState
from alerts.notify.retry import RetryPolicy, Verdict, judge, retry_after_seconds
from alerts.notify.webhook import Sender
from alerts.pause import sleep_unless
from monitor.clock import Clock
from monitor.errors import DeliveryError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """`lease_ms` is how long a claim holds if its process dies and another one delivers; half of it is the longest time
    that one attempt may take. `poll_ms` is how often the outbox is looked at if nobody calls `wake`.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: int = 16
    concurrency_per_integration: int = 4
    lease_ms: int = 120_000
    poll_ms: int = 5_000
    error_pause_ms: int = 1_000
    shutdown_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class Target:
    """Where one integration's messages go; `url_digest` remembers for which URL a 410 was given."""

    sender: Sender
    url_digest: str


class DeliveryLoop:
    """Delivers until it is cancelled. `owner` names this process and is the same after its restart.

    `random` gives numbers in [0, 1). `checkpoint` is called by name between the steps that a crash may separate:
    `after_claim`, `after_send`, `before_record`, `after_record`.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        metrics: NotifyMetrics,
        *,
        owner: str,
        settings: DeliverySettings,
        random: Callable[[], float],
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._owner = owner
        self._settings = settings
        self._random = random
        self._checkpoint = checkpoint
        self._targets: Mapping[str, Target] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._woken = asyncio.Event()
        self._is_released = False
        self._event_loop: asyncio.AbstractEventLoop | None = None

    async def set_targets(self, targets: Mapping[str, Target]) -> None:
        """What is configured now, by integration; only to these anything is sent.

        The senders that were there before are closed by their owner.
        """
        self._targets = dict(targets)
        digests = {key: target.url_digest for key, target in targets.items()}
        await asyncio.to_thread(self._outbox.set_integrations, digests, self._clock.now_ms())
        self._woken.set()

    def wake(self) -> None:
        """There is something new in the outbox. May be called from any thread."""
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Delivers until cancelled, then lets what is under way finish for a moment."""
        self._event_loop = asyncio.get_running_loop()
        self._is_released = False
        try:
            while True:
                await self._round()
        finally:
            self._event_loop = None
            await self._finish_tasks()

    async def _round(self) -> None:
        self._woken.clear()
        try:
            wait_ms = await self._start_due()
        except Exception:  # the top of the loop: the next round must come
            logger.exception("a round of the delivery loop failed")
            self._metrics.loop_errors.inc()
            wait_ms = self._settings.error_pause_ms
        if wait_ms > 0:
            await sleep_unless(self._clock, wait_ms / 1000, self._woken)

    async def _start_due(self) -> int:
        """Starts what is due and can be started; returns how long there is nothing more to do, in ms.

        What is due and was not claimed waits for a place or for an older message: a task that ends wakes us.
        """
        if not self._is_released:
            await asyncio.to_thread(self._outbox.release, self._owner)
            self._is_released = True
        while claimed := await self._claim():
            for message in claimed:
                self._start(message)
        await self._report()
        now_ms = self._clock.now_ms()
        next_ms = await asyncio.to_thread(self._outbox.next_attempt_ms, now_ms)
        poll_ms = self._settings.poll_ms
        return poll_ms if next_ms is None else min(next_ms - now_ms, poll_ms)

    async def _claim(self) -> list[OutboxMessage]:
        """Some messages that are due, as many as may be sent at the same time at most."""
        settings = self._settings
        share = settings.concurrency_per_integration
        busy = Counter(self._tasks.values())
        free = {key: share - busy[key] for key in self._targets if busy[key] < share}
        limit = min(settings.concurrency - len(self._tasks), *free.values()) if free else 0
        if limit <= 0:
            return []
        return await asyncio.to_thread(
            self._outbox.claim, self._owner, list(free), self._clock.now_ms(), settings.lease_ms, limit
        )

    def _start(self, message: OutboxMessage) -> None:
        task = asyncio.create_task(self._deliver(message), name=f"deliver {message.webhook_id}")
        self._tasks[task] = message.integration
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            logger.error("recording a delivery failed; it will be repeated", exc_info=task.exception())
            self._metrics.loop_errors.inc()

    async def _deliver(self, message: OutboxMessage) -> None:
        self._checkpoint("after_claim")
        started_ms, started = self._clock.now_ms(), self._clock.monotonic_seconds()
        verdict, status, error, wait_seconds = await self._attempt(message)
        self._checkpoint("after_send")
        duration_ms = round((self._clock.monotonic_seconds() - started) * 1000)
        attempt = Attempt(started_ms, duration_ms, verdict.value, status, error)
        finish = self._finish(message, verdict, wait_seconds)
        self._checkpoint("before_record")
        await asyncio.to_thread(self._outbox.finish, message, self._owner, attempt, finish)
        self._checkpoint("after_record")
        if verdict is Verdict.DISABLED:
            await self._disable(message.integration)
        self._observe(message, attempt, finish)

    async def _attempt(self, message: OutboxMessage) -> tuple[Verdict, int | None, str, float | None]:
        """The verdict, the status, the error's text, and how long the receiver asks to be left alone."""
        target = self._targets.get(message.integration)
        if target is None:
            return Verdict.RETRY, None, "the receiver is not configured any more", None
        # Before the claim could run out and another process take over.
        longest_seconds = self._settings.lease_ms / 2000
        try:
            async with asyncio.timeout(longest_seconds):
                answer = await target.sender.send(message)
        except DeliveryError as error:
            return (Verdict.REFUSED if error.permanent else Verdict.RETRY), None, str(error), error.retry_after_seconds
        except TimeoutError:
            return Verdict.RETRY, None, f"no answer within {longest_seconds:g} s, half of the lease", None
        except Exception as error:  # the top of one delivery: it must end in a receipt, and some day in a dead letter
            logger.exception("sending notification %s to %s failed", message.webhook_id, message.integration)
            return Verdict.RETRY, None, type(error).__name__, None
        wait_seconds = retry_after_seconds(answer.retry_after, self._clock.now_ms())
        return judge(answer.status), answer.status, answer.excerpt, wait_seconds

    def _finish(self, message: OutboxMessage, verdict: Verdict, wait_seconds: float | None) -> Finish:
        now_ms = self._clock.now_ms()
        if verdict is Verdict.DELIVERED:
            return Finish(OutboxState.DELIVERED, now_ms)
        if verdict is Verdict.REFUSED:
            return Finish(OutboxState.DEAD, now_ms, DeadReason.REFUSED)
        if verdict is Verdict.DISABLED:
            return Finish(OutboxState.DEAD, now_ms, DeadReason.RECEIVER_DISABLED)
        retry = self._settings.retry
        next_ms = now_ms + retry.delay_ms(message.attempts + 1, self._random(), wait_seconds)
        if retry.gives_up(message.created_at_ms, next_ms):
            return Finish(OutboxState.DEAD, now_ms, DeadReason.GAVE_UP)
        return Finish(OutboxState.PENDING, now_ms, next_attempt_at_ms=next_ms)

    async def _disable(self, integration: str) -> None:
        target = self._targets.get(integration)
        digest = target.url_digest if target else ""
        logger.warning("%s answered 410: nothing is sent to it until its URL changes", integration)
        await asyncio.to_thread(self._outbox.disable, integration, digest, self._clock.now_ms())

    def _observe(self, message: OutboxMessage, attempt: Attempt, finish: Finish) -> None:
        self._metrics.attempts.labels(message.integration, attempt.verdict).inc()
        if finish.state is OutboxState.DELIVERED:
            latency_ms = finish.at_ms - message.created_at_ms
            self._metrics.latency.labels(message.integration).observe(latency_ms / 1000)
            return
        shown = f"status {attempt.status}" if attempt.status else attempt.error
        if finish.dead_reason is not None:
            self._metrics.dead.labels(message.integration, finish.dead_reason.value).inc()
            logger.error("notification %s to %s given up: %s", message.webhook_id, message.integration, shown)
        else:
            logger.warning("notification %s to %s failed: %s", message.webhook_id, message.integration, shown)

    async def _report(self) -> None:
        count, oldest_ms = await asyncio.to_thread(self._outbox.pending)
        self._metrics.pending.set(count)
        age_ms = 0 if oldest_ms is None else max(0, self._clock.now_ms() - oldest_ms)
        self._metrics.oldest_age.set(age_ms / 1000)

    async def _finish_tasks(self) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(list(self._tasks), timeout=self._settings.shutdown_ms / 1000)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
