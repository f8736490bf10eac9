"""One policy's loop: observe, decide, store, act; and the set of them.

Delivery is at most once: a decision is stored and claimed before the actuator hears of it (history.py). An order that
failed is not repeated; the next evaluation sees that the count is still wrong and decides anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alerts.autoscale.actuators.actuator import Actuator, Order, Receipt
from alerts.autoscale.breaker import Breaker, BreakerPosition, BreakerSettings
from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Change, Decision, Observation, ReplicasSource, State, Trust
from alerts.autoscale.history import DecisionHistory, NewDecision, Outcome, StoredDecision, needs_recording
from alerts.autoscale.memory import advance, with_change
from alerts.autoscale.observe import Hearsay, Observer, ObserveSettings
from alerts.autoscale.policy import Policy
from alerts.autoscale.query import InstantQuery
from alerts.autoscale.self_metrics import AutoscaleMetrics
from monitor.clock import Clock
from monitor.errors import DeliveryError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """An order lives until the next evaluation is due, but at least `order_life_min_ms`."""

    observe: ObserveSettings = field(default_factory=ObserveSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    order_life_min_ms: int = 10_000
    maintenance_interval_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """What is to be said about a policy now. `value_at_ms` is when its newest usable value was true."""

    policy: Policy
    decision: Decision | None = None
    recorded_seq: int | None = None
    value: float | None = None
    value_at_ms: int | None = None
    breaker: BreakerPosition = BreakerPosition.CLOSED
    last_outcome: Outcome | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """What all loops share. `new_id` gives an id that was never used before."""

    query: InstantQuery
    history: DecisionHistory
    clock: Clock
    metrics: AutoscaleMetrics
    new_id: Callable[[], str]
    settings: LoopSettings = field(default_factory=LoopSettings)


class PolicyLoop:
    """Evaluates one policy. `actuator` None computes and stores only, as a dry run does."""

    def __init__(self, policy: Policy, actuator: Actuator | None, services: Services) -> None:
        self.policy = policy
        self._actuator = actuator
        self._services = services
        self._observer = Observer(policy, services.query, actuator, services.settings.observe)
        self._state: State | None = None
        self._hearsay = Hearsay()
        self._breaker = Breaker()
        self._recorded: StoredDecision | None = None
        self._decision: Decision | None = None
        self._value: tuple[float | None, int | None] = (None, None)
        self._outcome: Outcome | None = None
        self._error = ""

    async def run(self) -> None:
        """Ticks until cancelled. A tick that fails is logged and counted; the next one comes as if nothing had been."""
        clock, interval_seconds = self._services.clock, self.policy.interval_ms / 1000
        while True:
            started_seconds = clock.monotonic_seconds()
            try:
                await self.tick()
            except Exception as error:
                logger.exception("policy %s: evaluation failed", self.policy.name)
                self._services.metrics.errors.labels(self.policy.name).inc()
                self._error = f"{type(error).__name__}: {error}"
            elapsed_seconds = clock.monotonic_seconds() - started_seconds
            await clock.sleep(max(0.0, interval_seconds - elapsed_seconds))

    async def tick(self) -> Decision:
        """One evaluation."""
        now_ms = self._services.clock.now_ms()
        if self._state is None:
            self._state = await self._restored(now_ms)
        state = self._state
        observation = await self._observer.observe(self._hearsay, now_ms)
        decision = decide(self.policy, state, observation, now_ms)
        self._state = advance(self.policy, state, decision)
        self._decision = decision
        self._error = ""
        self._note(decision, observation)
        await self._record_and_act(state, observation, decision)
        return decision

    def status(self) -> PolicyStatus:
        value, value_at_ms = self._value
        return PolicyStatus(
            policy=self.policy,
            decision=self._decision,
            recorded_seq=self._recorded.seq if self._recorded else None,
            value=value,
            value_at_ms=value_at_ms,
            breaker=self._position(),
            last_outcome=self._outcome,
            last_error=self._error,
        )

    async def close(self) -> None:
        if self._actuator is not None:
            await self._actuator.close()

    async def _restored(self, now_ms: int) -> State:
        remembered = await asyncio.to_thread(self._services.history.restore, self.policy, now_ms)
        self._hearsay = Hearsay(remembered.reported_replicas, remembered.asked_replicas)
        return remembered.state

    def _note(self, decision: Decision, observation: Observation) -> None:
        name, metrics = self.policy.name, self._services.metrics
        metrics.decisions.labels(name, decision.reason.value).inc()
        metrics.held.labels(name).set(decision.trust is Trust.HOLD)
        if decision.desired is not None:
            metrics.desired.labels(name).set(decision.desired)
        if observation.replicas is not None:
            metrics.replicas.labels(name).set(observation.replicas)
        reading = observation.reading
        if decision.trust is not Trust.HOLD and reading.value is not None:
            metrics.value.labels(name).set(reading.value)
            self._value = (reading.value, decision.at_ms if reading.timestamp_ms is None else reading.timestamp_ms)

    async def _record_and_act(self, state: State, observation: Observation, decision: Decision) -> None:
        outcome = self._first_outcome(decision)
        history, last = self._services.history, self._recorded
        self._services.metrics.breaker_open.labels(self.policy.name).set(self._position() is BreakerPosition.OPEN)
        if outcome is Outcome.DRY_RUN:
            self._pretend(decision)
        if not needs_recording(history.settings, last.decision if last else None, decision):
            return
        life_ms = max(self.policy.interval_ms, self._services.settings.order_life_min_ms)
        expires_at_ms = decision.at_ms + life_ms
        new = NewDecision(self._services.new_id(), self.policy, state, observation, decision, outcome, expires_at_ms)
        self._recorded = await asyncio.to_thread(history.record, new)
        self._outcome = outcome
        if outcome is Outcome.PENDING:
            await self._act(self._recorded)

    def _first_outcome(self, decision: Decision) -> Outcome:
        if not decision.wants_change:
            return Outcome.RECORDED
        if self.policy.dry_run or self._actuator is None:
            return Outcome.DRY_RUN
        return Outcome.SUPPRESSED if self._position() is BreakerPosition.OPEN else Outcome.PENDING

    async def _act(self, stored: StoredDecision) -> None:
        """Claims, carries out, and records what came of it. Cancelled in between, the claim stays and says so."""
        history, clock = self._services.history, self._services.clock
        if not await asyncio.to_thread(history.claim, self.policy.name, stored.seq, clock.now_ms()):
            logger.warning("policy %s: decision %d was not ours to carry out", self.policy.name, stored.seq)
            return
        outcome, receipt = await self._apply(stored)
        self._outcome = outcome
        self._services.metrics.orders.labels(self.policy.name, outcome.value).inc()
        await asyncio.to_thread(
            history.finish,
            self.policy.name,
            stored.seq,
            outcome,
            clock.now_ms(),
            replicas=receipt.replicas,
            detail=receipt.detail,
        )

    async def _apply(self, stored: StoredDecision) -> tuple[Outcome, Receipt]:
        decision, breaker_settings = stored.decision, self._services.settings.breaker
        assert self._actuator is not None, "BUG: got an order without an actuator"
        assert decision.desired is not None, "BUG: got an order without a desired count"
        order = Order(stored.decision_id, stored.seq, decision.desired, decision, stored.expires_at_ms)
        life_seconds = (stored.expires_at_ms - self._services.clock.now_ms()) / 1000
        try:
            receipt = await asyncio.wait_for(self._actuator.apply(order), life_seconds)
        except (DeliveryError, TimeoutError) as error:
            self._breaker = self._breaker.after_failure(breaker_settings, self._services.clock.now_ms())
            detail = str(error) or f"no answer within the order's life of {life_seconds:g} s"
            logger.warning("policy %s: order %d failed: %s", self.policy.name, stored.seq, detail)
            return Outcome.FAILED, Receipt(accepted=False, detail=detail)
        self._breaker = self._breaker.after_success()
        if not receipt.accepted:
            return Outcome.REFUSED, receipt
        self._hearsay = Hearsay(receipt.replicas, decision.desired)
        self._remember_change(decision)
        return Outcome.APPLIED, receipt

    def _pretend(self, decision: Decision) -> None:
        """In a dry run without a view of the replicas the count is taken to have followed."""
        if decision.inputs.replicas_source is not ReplicasSource.ACTUATOR:
            self._hearsay = Hearsay(asked=decision.desired)
            self._remember_change(decision)

    def _remember_change(self, decision: Decision) -> None:
        replicas, desired = decision.inputs.replicas, decision.desired
        if self._state is not None and replicas is not None and desired is not None:
            self._state = with_change(self.policy, self._state, Change(decision.at_ms, replicas, desired))

    def _position(self) -> BreakerPosition:
        return self._breaker.position(self._services.settings.breaker, self._services.clock.now_ms())


class Autoscaler:
    """The loops of all policies, and the upkeep of their history."""

    def __init__(self, loops: Sequence[PolicyLoop], services: Services) -> None:
        self._loops = {loop.policy.name: loop for loop in loops}
        self._services = services
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts all loops on the running event loop."""
        self._tasks = [asyncio.create_task(loop.run()) for loop in self._loops.values()]
        self._tasks.append(asyncio.create_task(self._maintain()))

    async def stop(self) -> None:
        """Ends the loops and lets go of the actuators; what they keep running keeps running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for loop in self._loops.values():
            await loop.close()

    def statuses(self) -> list[PolicyStatus]:
        """All policies, in the order of the configuration."""
        return [loop.status() for loop in self._loops.values()]

    def status(self, policy: str) -> PolicyStatus | None:
        loop = self._loops.get(policy)
        return loop.status() if loop else None

    async def _maintain(self) -> None:
        history, clock = self._services.history, self._services.clock
        while True:
            try:
                await asyncio.to_thread(history.end_expired, clock.now_ms())
                await asyncio.to_thread(history.prune, clock.now_ms())
            except Exception:
                logger.exception("upkeep of the decision history failed")
            await clock.sleep(self._services.settings.maintenance_interval_seconds)
