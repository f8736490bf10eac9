"""When rule groups are evaluated, and how a new configuration takes over from the old one.

A loop of ours per group and not APScheduler: its timers read the machine's clock themselves, so that no test could move
time by hand, and it knows neither aligned instants nor how many were missed. What is left to do is a sleep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from alerts.alert_store import AlertStore, StoredGroup
from alerts.evaluate_group import GroupEvaluator
from alerts.group_state import NO_SERIES, GroupState, GroupStatus, new_group_state
from alerts.pause import sleep_unless
from alerts.restore import RestorePolicy, restored_group
from alerts.rule_metrics import RuleMetrics
from alerts.rules import RuleGroup
from monitor.clock import Clock
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.storage.interfaces import Appender

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Every `upkeep_ms` the times of the last evaluations are stored, so an outage looks at most that much longer."""

    upkeep_ms: int = 10_000
    restore: RestorePolicy = field(default_factory=RestorePolicy)


def next_slot_ms(group: RuleGroup, now_ms: int) -> int:
    """The group's first evaluation instant after `now_ms`.

    Instants are whole intervals since 1970 plus an offset that spreads groups over the interval, the same after each
    restart (as Prometheus's Group.EvalTimestamp; the hash is another).
    """
    spread = int(Labels({"file": group.file, "name": group.name}).fingerprint(), 16)
    offset_ms = spread % group.interval_ms
    return now_ms - (now_ms - offset_ms) % group.interval_ms + group.interval_ms


class _Runner:
    """The loop of one group."""

    def __init__(
        self, state: GroupState, evaluator: GroupEvaluator, executor: Executor, clock: Clock, metrics: RuleMetrics
    ) -> None:
        self.state = state
        self._evaluator = evaluator
        self._executor = executor
        self._clock = clock
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"rules {self.state.group.key}")

    async def stop(self) -> None:
        """Returns when no evaluation of the group is under way any more."""
        self.state.is_stopped = True
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        group = self.state.group
        at_ms = next_slot_ms(group, self._clock.now_ms())
        while True:
            at_ms = await self._wait_for(at_ms)
            if self._stopping.is_set():
                return
            missed = (self._clock.now_ms() - at_ms) // group.interval_ms
            at_ms += missed * group.interval_ms
            self._metrics.iterations.labels(group.key).inc(missed + 1)
            self._metrics.missed.labels(group.key).inc(missed)
            await self._evaluate(at_ms)
            at_ms += group.interval_ms

    async def _wait_for(self, at_ms: int) -> int:
        """The instant, when it has come; another one if the clock was set back meanwhile."""
        group = self.state.group
        while not self._stopping.is_set():
            wait_ms = at_ms - self._clock.now_ms()
            if wait_ms <= 0:
                break
            if wait_ms > group.interval_ms:
                at_ms = next_slot_ms(group, self._clock.now_ms())
                continue
            await sleep_unless(self._clock, wait_ms / 1000, self._stopping)
        return at_ms

    async def _evaluate(self, at_ms: int) -> None:
        event_loop = asyncio.get_running_loop()
        try:
            await event_loop.run_in_executor(self._executor, self._evaluator.evaluate, self.state, at_ms)
        except Exception:  # the top of the loop: the next evaluation must come
            logger.exception("evaluating group %s failed", self.state.group.key)
            self._metrics.failures.labels(self.state.group.key).inc()


class RuleSchedule:
    """All groups. `executor` gives the worker threads; how many evaluate at the same time is its size.

    `upkeep` is called in a worker thread with the time every `settings.upkeep_ms`.
    """

    def __init__(
        self,
        evaluator: GroupEvaluator,
        store: AlertStore,
        appender: Appender,
        executor: Executor,
        clock: Clock,
        metrics: RuleMetrics,
        *,
        settings: ScheduleSettings,
        upkeep: Sequence[Callable[[int], object]] = (),
    ) -> None:
        self._evaluator = evaluator
        self._store = store
        self._appender = appender
        self._executor = executor
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._upkeep = upkeep
        self._runners: dict[str, _Runner] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._recorded: dict[str, int] = {}
        self._stopping = asyncio.Event()
        self._upkeep_task: asyncio.Task[None] | None = None

    def statuses(self) -> list[GroupStatus]:
        """By file, then in the order of the file. Safe to call at any time."""
        states = [runner.state for runner in self._runners.values()]
        return [state.status for state in sorted(states, key=lambda state: state.group.file)]

    async def apply(self, groups: Sequence[RuleGroup]) -> None:
        """Evaluates exactly `groups` from now on, whose keys differ. Groups that did not change are not disturbed.

        A changed group goes on with the alerts of the rules that it still has. What reads the database comes first, so
        that a failure leaves everything as it was. Not to be called again before it has returned.
        """
        stored = {group.key: await self._load(group) for group in groups if group.key not in self._runners}
        old = self._runners
        kept = {g.key: old[g.key] for g in groups if g.key in old and old[g.key].state.group == g}
        ended = [runner for key, runner in old.items() if key not in kept]
        await asyncio.gather(*(runner.stop() for runner in ended))
        self._runners = {group.key: kept.get(group.key) or self._new_runner(group, stored, old) for group in groups}
        for runner in ended:
            self._retire(runner.state)
        for key, runner in self._runners.items():
            if key not in kept:
                runner.start()
        if self._upkeep_task is None:
            self._upkeep_task = asyncio.create_task(self._keep_up(), name="rules upkeep")
        await self._in_thread(self._forget, [group for group in groups if group.key not in kept])

    async def stop(self) -> None:
        """Ends all loops after the evaluations under way, and stores when the last ones were."""
        for ending in self._endings:
            ending.cancel()
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))
        self._stopping.set()
        if self._upkeep_task is not None:
            await self._upkeep_task

    async def _in_thread(self, function: Callable[..., object], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    async def _load(self, group: RuleGroup) -> StoredGroup:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._store.load, group.key)

    def _new_runner(self, group: RuleGroup, stored: Mapping[str, StoredGroup], old: Mapping[str, _Runner]) -> _Runner:
        if group.key in old:
            state = new_group_state(group, self._appender, {})
            state.continue_from(old[group.key].state)
        else:
            first_ms = next_slot_ms(group, self._clock.now_ms())
            state = restored_group(group, stored[group.key], self._appender, first_ms, self._settings.restore)
        return _Runner(state, self._evaluator, self._executor, self._clock, self._metrics)

    def _retire(self, state: GroupState) -> None:
        """Ends the series of a group that was removed, after others had time to go on with them."""
        if state.group.key in self._runners:
            return
        state.dropped_series += [rule.writer.written for rule in state.rules]
        self._metrics.forget(state.group.key)
        self._recorded.pop(state.group.key, None)
        ending = asyncio.create_task(self._end_series(state, self._clock.now_ms()))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end_series(self, state: GroupState, stopped_ms: int) -> None:
        await self._clock.sleep(2 * state.group.interval_ms / 1000)
        still_written = LabelFrame.concat([NO_SERIES, *(runner.state.written() for runner in self._runners.values())])
        at_ms = stopped_ms - state.group.query_offset_ms
        try:
            await self._in_thread(state.end_dropped_series, still_written, at_ms)
        except Exception:  # the end of a task that nobody waits for
            self._metrics.upkeep_failures.inc()
            logger.exception("ending the series of group %s failed", state.group.key)

    def _forget(self, changed: Sequence[RuleGroup]) -> None:
        self._store.forget_groups(list(self._runners))
        for group in changed:
            self._store.forget_rules(group.key, group.rule_keys())

    async def _keep_up(self) -> None:
        while not self._stopping.is_set():
            await sleep_unless(self._clock, self._settings.upkeep_ms / 1000, self._stopping)
            for job in (self._record_evaluations, *self._upkeep):
                try:
                    await self._in_thread(job, self._clock.now_ms())
                except Exception:  # the top of the loop: the next job must run
                    self._metrics.upkeep_failures.inc()
                    logger.exception("upkeep of the rules failed")

    def _record_evaluations(self, _now_ms: int) -> None:
        latest = {
            key: runner.state.last_evaluation_ms
            for key, runner in self._runners.items()
            if runner.state.last_evaluation_ms is not None
        }
        changed = {key: at_ms for key, at_ms in latest.items() if self._recorded.get(key) != at_ms}
        self._store.record_evaluations(changed)
        self._recorded.update(changed)
