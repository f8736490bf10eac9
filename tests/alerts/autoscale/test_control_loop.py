"""Observe, decide, store, act: a policy's loop with a manual clock and a real database."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from manual_clock import ManualClock
from prometheus_client import CollectorRegistry
from scaling_fakes import FakeActuator, FakeQuery, services

from alerts.autoscale.breaker import BreakerPosition, BreakerSettings
from alerts.autoscale.control_loop import Autoscaler, PolicyLoop
from alerts.autoscale.decision import Direction, Reason, ReplicasSource, Trust
from alerts.autoscale.history import Outcome
from alerts.autoscale.policy import Policy, ScalingRules
from monitor.errors import DeliveryError, EvaluationError

WEB = Policy(name="web", expression="load", target=100, max_replicas=100, down=ScalingRules(0), dry_run=False)
TRIAL = Policy(name="trial", expression="load", target=100, max_replicas=100, down=ScalingRules(0))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def query():
    return FakeQuery(load=4650.0)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def shared(tmp_path, clock, query, registry):
    breaker = BreakerSettings(failures_max=2, open_ms=60_000)
    with services(tmp_path, clock, query, registry, breaker=breaker, order_life_min_ms=50) as made:
        yield made


async def ticks(loop: PolicyLoop, clock: ManualClock, count: int) -> None:
    for _ in range(count):
        await loop.tick()
        await clock.advance(15)


def outcomes(shared, policy="web") -> list[Outcome]:
    return [stored.outcome for stored in reversed(shared.history.page(policy, 100))]


def test_an_order_says_how_many_until_when_and_why(shared, clock):
    actuator = FakeActuator(replicas=31)
    asyncio.run(PolicyLoop(WEB, actuator, shared).tick())

    (order,) = actuator.orders
    assert (order.desired, order.decision_seq, order.decision_id) == (47, 1, "decision-1")
    assert order.expires_at_ms == clock.now_ms() + 15_000
    assert order.decision.formula == "ceil(4650 / 100) = 47"
    assert outcomes(shared) == [Outcome.APPLIED]


def test_nothing_is_ordered_while_the_count_is_right(shared, clock):
    actuator = FakeActuator(replicas=47)
    asyncio.run(ticks(PolicyLoop(WEB, actuator, shared), clock, 5))
    assert actuator.orders == []
    assert outcomes(shared) == [Outcome.RECORDED]


def test_a_dry_run_computes_and_stores_and_never_acts(shared, clock):
    actuator = FakeActuator(replicas=31)
    loop = PolicyLoop(TRIAL, actuator, shared)
    asyncio.run(ticks(loop, clock, 5))
    assert actuator.orders == []
    assert outcomes(shared, "trial") == [Outcome.DRY_RUN]
    assert loop.status().decision.desired == 47


def test_a_dry_run_that_sees_no_replicas_takes_its_count_as_followed(shared, clock, query):
    loop = PolicyLoop(TRIAL, None, shared)
    asyncio.run(ticks(loop, clock, 1))
    query.answers["load"] = 9000.0
    decision = asyncio.run(loop.tick())
    assert (decision.inputs.replicas, decision.inputs.replicas_source) == (47, ReplicasSource.ASSUMED)
    assert (decision.desired, decision.direction) == (90, Direction.UP)


def test_a_receipt_is_the_replica_count_where_the_actuator_cannot_see(shared, clock):
    class ShortOfReplicas(FakeActuator):
        async def apply(self, order):
            receipt = await super().apply(order)
            return type(receipt)(accepted=True, replicas=40)

    loop = PolicyLoop(WEB, ShortOfReplicas(replicas=None), shared)
    asyncio.run(ticks(loop, clock, 1))
    decision = asyncio.run(loop.tick())
    assert (decision.inputs.replicas, decision.inputs.replicas_source) == (40, ReplicasSource.RECEIPT)


def test_a_failed_order_is_not_repeated_but_decided_anew(shared, clock):
    actuator = FakeActuator(replicas=31, failure=DeliveryError("away", permanent=False))
    asyncio.run(ticks(PolicyLoop(WEB, actuator, shared), clock, 2))
    assert [order.decision_seq for order in actuator.orders] == [1, 2]
    assert outcomes(shared) == [Outcome.FAILED, Outcome.FAILED]
    assert shared.history.page("web", 1)[0].receipt_detail == "away"


def test_failures_in_a_row_open_the_breaker_and_one_success_closes_it(shared, clock):
    actuator = FakeActuator(replicas=31, failure=DeliveryError("away", permanent=False))
    loop = PolicyLoop(WEB, actuator, shared)
    asyncio.run(ticks(loop, clock, 4))
    assert len(actuator.orders) == 2
    assert loop.status().breaker is BreakerPosition.OPEN
    assert outcomes(shared)[2:] == [Outcome.SUPPRESSED, Outcome.SUPPRESSED]

    actuator.failure = None
    asyncio.run(ticks(loop, clock, 3))
    assert loop.status().breaker is BreakerPosition.CLOSED
    assert actuator.replicas == 47


def test_a_refusal_is_an_answer_and_no_failure(shared, clock):
    actuator = FakeActuator(replicas=31, refuses=True)
    loop = PolicyLoop(WEB, actuator, shared)
    asyncio.run(ticks(loop, clock, 4))
    assert set(outcomes(shared)) == {Outcome.REFUSED}
    assert loop.status().breaker is BreakerPosition.CLOSED


def test_an_actuator_that_hangs_is_left_when_the_order_expires(shared):
    class Hanging(FakeActuator):
        async def apply(self, order):
            await asyncio.sleep(3600)

    policy = Policy(name="web", expression="load", target=100, max_replicas=100, interval_ms=50, dry_run=False)
    asyncio.run(PolicyLoop(policy, Hanging(replicas=31), shared).tick())
    assert outcomes(shared) == [Outcome.FAILED]


def test_a_crash_between_claim_and_act_is_not_acted_on_after_the_restart(shared, clock):
    class Crashing(FakeActuator):
        async def apply(self, order):
            raise SystemExit

    with contextlib.suppress(SystemExit):
        asyncio.run(PolicyLoop(WEB, Crashing(replicas=31), shared).tick())
    assert outcomes(shared) == [Outcome.CLAIMED]

    asyncio.run(clock.advance(15))
    shared.history.end_expired(clock.now_ms())
    actuator = FakeActuator(replicas=31)
    asyncio.run(PolicyLoop(WEB, actuator, shared).tick())
    assert outcomes(shared) == [Outcome.INTERRUPTED, Outcome.APPLIED]
    assert [order.decision_seq for order in actuator.orders] == [2]


def test_after_a_restart_the_last_desired_count_is_held_without_data(shared, clock, query):
    asyncio.run(PolicyLoop(WEB, FakeActuator(replicas=31), shared).tick())
    query.answers["load"] = EvaluationError("no such series")
    actuator = FakeActuator(replicas=0)
    decision = asyncio.run(PolicyLoop(WEB, actuator, shared).tick())
    assert (decision.desired, decision.reason, decision.trust) == (47, Reason.QUERY_FAILED, Trust.HOLD)
    assert decision.detail == "no such series"
    assert actuator.replicas == 47


def test_an_actuator_that_cannot_be_seen_does_not_stop_the_evaluation(shared):
    class Unseen(FakeActuator):
        async def observe(self):
            raise DeliveryError("away", permanent=False)

    decision = asyncio.run(PolicyLoop(WEB, Unseen(), shared).tick())
    assert decision.inputs.replicas_source is ReplicasSource.UNKNOWN


def test_each_policy_is_evaluated_at_its_interval(shared, clock, query):
    async def story():
        loop = asyncio.create_task(PolicyLoop(WEB, FakeActuator(replicas=47), shared).run())
        for _ in range(4):
            await clock.wait_for_sleeper()
            await clock.advance(15)
        await clock.wait_for_sleeper()
        loop.cancel()

    start_ms = clock.now_ms()
    asyncio.run(story())
    assert [at_ms - start_ms for _, at_ms in query.asked] == [0, 15_000, 30_000, 45_000, 60_000]


def test_the_failure_of_one_policy_does_not_disturb_another(shared, clock, query, registry, caplog):
    query.answers["broken"] = RuntimeError("a bug in the engine")
    broken = Policy(name="broken", expression="broken", target=1, max_replicas=9)
    fine = FakeActuator(replicas=31)
    loops = [PolicyLoop(broken, None, shared), PolicyLoop(WEB, fine, shared)]

    async def story():
        autoscaler = Autoscaler(loops, shared)
        autoscaler.start()
        while clock.sleepers < 3:
            await clock.sleep(0)
        await autoscaler.stop()

    asyncio.run(story())
    assert fine.replicas == 47
    assert fine.is_closed
    assert "a bug in the engine" in loops[0].status().last_error
    assert registry.get_sample_value("plimsoll_scaling_errors_total", {"policy": "broken"}) == 1
    assert "policy broken: evaluation failed" in caplog.text


def test_the_status_shows_the_newest_usable_value_and_its_time(shared, clock, query):
    loop = PolicyLoop(WEB, FakeActuator(replicas=31), shared)
    asyncio.run(ticks(loop, clock, 1))
    first_ms = clock.now_ms() - 15_000
    query.answers["load"] = EvaluationError("away")
    asyncio.run(ticks(loop, clock, 1))
    status = loop.status()
    assert (status.value, status.value_at_ms) == (4650.0, first_ms)
    assert status.decision.trust is Trust.HOLD


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("desired_replicas", {}, 47),
        ("replicas", {}, 31),
        ("value", {}, 4650),
        ("held", {}, 0),
        ("breaker_open", {}, 0),
        ("decisions_total", {"reason": "target"}, 1),
        ("orders_total", {"outcome": "applied"}, 1),
    ],
)
def test_self_metrics_say_what_was_decided(shared, registry, name, labels, value):
    asyncio.run(PolicyLoop(WEB, FakeActuator(replicas=31), shared).tick())
    assert registry.get_sample_value(f"plimsoll_scaling_{name}", {"policy": "web", **labels}) == value
