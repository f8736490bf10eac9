from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from alert_timeline import MemoryAppender, RecordingDispatcher
from inline_executor import InlineExecutor
from manual_clock import ManualClock
from memory_reader import MemoryReader
from prometheus_client import CollectorRegistry

from alerts.alert_state import AlertState
from alerts.alert_store import AlertStore, StoredGroup
from alerts.database import open_database
from alerts.evaluate_group import EvaluationSettings, GroupEvaluator
from alerts.rule_metrics import RuleMetrics
from alerts.rules import AlertingRule, RecordingRule, RuleGroup
from alerts.schedule import RuleSchedule, ScheduleSettings, next_slot_ms
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.model.samples import STALE

INTERVAL_MS = 10_000
ALERT = AlertingRule("A", "a")
RECORD = RecordingRule("r", "r")


@dataclass
class ConstantQuerier:
    """Every expression has one element, `{from="expression"}` with value 1; keeps when it was asked what."""

    asked: list[tuple[str, int]] = field(default_factory=list)
    while_asked: dict[str, Callable[[], object]] = field(default_factory=dict)

    def instant(self, expression: str, at_ms: int) -> Frame:
        self.asked.append((expression, at_ms))
        self.while_asked.get(expression, lambda: None)()
        return Frame(LabelFrame.of([{"from": expression}]), np.array([[1.0]]))


class SteppingClock(ManualClock):
    """Can be stepped without anybody waking up, as a machine's clock is, or as time passes in a busy thread."""

    step_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.step_ms


class FlakyStore(AlertStore):
    fails = False

    def load(self, group_key: str) -> StoredGroup:
        if self.fails:
            raise OSError("the disk is gone")
        return super().load(group_key)


class World:
    """A schedule with everything it needs, over one database file."""

    def __init__(self, directory, clock: ManualClock, executor: Executor | None = None) -> None:
        self.clock = clock
        self.querier = ConstantQuerier()
        self.memory = MemoryReader()
        self.dispatcher = RecordingDispatcher()
        self.registry = CollectorRegistry()
        self.upkeep: list[int] = []
        self.upkeep_fails = False
        database = open_database(f"sqlite:///{directory / 'alerts.db'}")
        self.store = FlakyStore(database)
        metrics = RuleMetrics.register(self.registry)
        evaluator = GroupEvaluator(
            self.querier, database, self.store, self.dispatcher, clock, metrics,
            settings=EvaluationSettings(), wake=lambda: None,
        )  # fmt: skip
        self.schedule = RuleSchedule(
            evaluator, self.store, MemoryAppender(self.memory), executor or InlineExecutor(), clock, metrics,
            settings=ScheduleSettings(), upkeep=(self._keep_up,),
        )  # fmt: skip

    def _keep_up(self, now_ms: int) -> None:
        if self.upkeep_fails:
            raise OSError("the disk is gone")
        self.upkeep.append(now_ms)

    def metric(self, name: str, group: RuleGroup) -> float | None:
        return self.registry.get_sample_value(f"plimsoll_rule_group_{name}", {"rule_group": group.key})

    def samples(self, name: str) -> dict[int, float]:
        return {at: v for s in self.memory.all_series() if s.labels["__name__"] == name for at, v in s.samples.items()}


def group(*rules, name: str = "g", interval_ms: int = INTERVAL_MS, **options) -> RuleGroup:
    return RuleGroup(name, "rules.yml", interval_ms, rules or (RECORD,), **options)


def run(story) -> None:
    asyncio.run(story())


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def world(tmp_path, clock) -> World:
    return World(tmp_path, clock)


@pytest.mark.parametrize("now_ms", [0, 1, 123_456, 1_700_000_000_000])
def test_slots_are_whole_intervals_apart_whenever_one_asks(now_ms):
    first = next_slot_ms(group(), now_ms)

    assert now_ms < first <= now_ms + INTERVAL_MS
    assert next_slot_ms(group(), first) == first + INTERVAL_MS
    assert next_slot_ms(group(), first - 1) == first


def test_groups_are_spread_over_the_interval():
    offsets = {next_slot_ms(group(name=f"g{number}"), 0) for number in range(50)}

    assert len(offsets) > 40


def test_a_group_is_evaluated_at_its_slots(world, clock):
    async def story() -> None:
        first = next_slot_ms(group(), clock.now_ms())
        await world.schedule.apply([group()])
        await clock.advance(31)
        await world.schedule.stop()
        slots = [at_ms for _, at_ms in world.querier.asked]
        assert slots == [first, first + INTERVAL_MS, first + 2 * INTERVAL_MS][: len(slots)]
        assert len(slots) == 3

    run(story)


def test_what_a_slow_evaluation_made_impossible_is_counted_as_missed(world, clock):
    def take_35_seconds() -> None:
        clock.step_ms += 35_000
        world.querier.while_asked.clear()

    async def story() -> None:
        first = next_slot_ms(group(), clock.now_ms())
        world.querier.while_asked["r"] = take_35_seconds
        await world.schedule.apply([group()])
        await clock.advance((first - clock.now_ms()) / 1000 + 1)
        assert [at_ms - first for _, at_ms in world.querier.asked] == [0, 3 * INTERVAL_MS]
        await world.schedule.stop()

    run(story)
    assert (world.metric("iterations_total", group()), world.metric("iterations_missed_total", group())) == (4, 2)


def test_a_clock_that_was_set_back_does_not_stop_evaluations(world, clock):
    async def story() -> None:
        await world.schedule.apply([group()])
        await clock.advance(10)
        clock.step_ms = -3_600_000
        await clock.advance(20)
        await world.schedule.stop()

    run(story)
    assert len(world.querier.asked) >= 2


def test_groups_do_not_wait_for_each_other(tmp_path, clock):
    executor = ThreadPoolExecutor(2)
    world = World(tmp_path, clock, executor)
    slow, quick = group(RecordingRule("s", "slow")), group(RecordingRule("q", "quick"), name="q")
    quick_is_done = threading.Event()
    world.querier.while_asked = {"slow": lambda: quick_is_done.wait(5), "quick": quick_is_done.set}

    async def story() -> None:
        await world.schedule.apply([slow, quick])
        await clock.advance(10)
        assert await asyncio.to_thread(quick_is_done.wait, 4)
        await world.schedule.stop()

    run(story)
    executor.shutdown()


def test_an_unchanged_group_is_not_disturbed_by_a_reload(world, clock):
    async def story() -> None:
        await world.schedule.apply([group()])
        await clock.advance(10)
        before = world.schedule.statuses()[0].rules[0]
        await world.schedule.apply([group(), group(name="new")])
        assert world.schedule.statuses()[0].rules[0] is before
        await world.schedule.stop()

    run(story)


def test_a_changed_group_goes_on_with_its_alerts(world, clock):
    async def story() -> None:
        await world.schedule.apply([group(ALERT)])
        await clock.advance(10)
        (alert,) = world.schedule.statuses()[0].rules[0].alerts
        await world.schedule.apply([group(RECORD, ALERT)])
        assert world.schedule.statuses()[0].rules[1].alerts == (alert,)
        await world.schedule.stop()

    run(story)


def test_the_alerts_of_a_rule_that_was_removed_are_forgotten_in_the_database_too(world, clock):
    async def story() -> None:
        await world.schedule.apply([group(ALERT), group(ALERT, name="other")])
        await clock.advance(10)
        await world.schedule.apply([group(RECORD)])
        await world.schedule.stop()

    run(story)
    assert world.store.load(group().key).alerts == {}
    assert world.store.load(group(name="other").key).alerts == {}


def test_the_series_of_a_group_that_was_removed_end_after_two_intervals(world, clock):
    async def story() -> None:
        await world.schedule.apply([group(), group(ALERT, name="other")])
        await clock.advance(10)
        removed_ms = clock.now_ms()
        await world.schedule.apply([group(ALERT, name="other")])
        assert world.metric("iterations_total", group()) is None
        await clock.advance(19)
        assert removed_ms not in world.samples("r")
        await clock.advance(2)
        ended = world.samples("r")[removed_ms]
        assert np.float64(ended).view(np.uint64) == np.float64(STALE).view(np.uint64)
        await world.schedule.stop()

    run(story)


def test_series_that_a_renamed_group_goes_on_with_do_not_end(world, clock):
    async def story() -> None:
        await world.schedule.apply([group()])
        await clock.advance(10)
        await world.schedule.apply([group(name="renamed")])
        await clock.advance(40)
        await world.schedule.stop()

    run(story)
    assert set(world.samples("r").values()) == {1.0}


def test_a_clean_restart_goes_on_exactly_where_it_was(tmp_path, clock):
    rule = AlertingRule("A", "a", for_ms=60_000)
    world = World(tmp_path, clock)

    async def story() -> None:
        await world.schedule.apply([group(rule)])
        await clock.advance(30)
        await world.schedule.stop()

    run(story)
    (before,) = world.schedule.statuses()[0].rules[0].alerts
    successor = World(tmp_path, ManualClock(clock.now_ms() + 5_000))

    async def sequel() -> None:
        await successor.schedule.apply([group(rule)])
        assert successor.schedule.statuses()[0].rules[0].alerts == (before,)
        await successor.clock.advance(60)
        (alert,) = successor.schedule.statuses()[0].rules[0].alerts
        assert (alert.state, alert.active_at_ms) == (AlertState.FIRING, before.active_at_ms)
        await successor.schedule.stop()

    run(sequel)


def test_upkeep_stores_when_groups_were_evaluated_and_runs_its_jobs(world, clock):
    async def story() -> None:
        await world.schedule.apply([group()])
        await clock.advance(21)
        assert world.store.load(group().key).last_evaluated_ms is not None
        assert len(world.upkeep) == 2
        await world.schedule.stop()

    run(story)
    assert world.store.load(group().key).last_evaluated_ms == world.querier.asked[-1][1]


def test_upkeep_that_fails_is_counted_and_tried_again(world, clock):
    async def story() -> None:
        world.upkeep_fails = True
        await world.schedule.apply([group()])
        await clock.advance(11)
        world.upkeep_fails = False
        await clock.advance(10)
        await world.schedule.stop()

    run(story)
    assert world.registry.get_sample_value("plimsoll_rule_upkeep_failures_total") == 1
    assert world.upkeep


def test_a_database_that_fails_leaves_the_old_groups_running(world, clock):
    async def story() -> None:
        await world.schedule.apply([group()])
        world.store.fails = True
        with pytest.raises(OSError, match="the disk is gone"):
            await world.schedule.apply([group(name="new")])
        await clock.advance(10)
        await world.schedule.stop()

    run(story)
    assert [expression for expression, _ in world.querier.asked] == ["r"]
