"""The life of rules as a story, with the real engine over a store in memory and a clock that the test moves:

timeline = AlertTimeline(rules, tmp_path)
timeline.at("1m").push('errors{job="a"}', 5)
timeline.at("6m").expect_firing('{alertname="Errors", job="a"}')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from manual_clock import ManualClock
from memory_reader import MemoryReader, parse_series
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from alerts.alert_state import Alert, AlertState
from alerts.alert_store import AlertStore
from alerts.database import open_database
from alerts.engine_querier import EngineQuerier
from alerts.evaluate_group import EvaluationSettings, GroupEvaluator
from alerts.group_state import GroupState
from alerts.load_rules import RuleDefaults, read_rules
from alerts.notify.notice import Notice
from alerts.restore import RestorePolicy, restored_group
from alerts.rule_metrics import RuleMetrics
from alerts.rules import RuleGroup
from monitor.model.durations import parse_duration_ms
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.samples import STALE, Timestamps, Values, is_absent
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

START_MS = 1_700_000_000_000 // 60_000 * 60_000


def labels_of(text: str) -> Labels:
    """`name{a="b"}` as a label set."""
    return parse_series(text)[0]


@dataclass(slots=True)
class MemoryAppender:
    """An Appender into a MemoryReader; `fails` with that error if one is set."""

    memory: MemoryReader
    sources: list[str] = field(default_factory=list)
    frames: list[LabelFrame] = field(default_factory=list)
    fails: Exception | None = None

    def append(self, source: str, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        if self.fails is not None:
            raise self.fails
        self.sources.append(source)
        self.frames.append(labels)
        assert labels.duplicate() is None, "got two equal label sets in one append"
        absent = is_absent(values)
        for column, each in enumerate(labels.all_labels()):
            times = [int(t) for row, t in enumerate(timestamps_ms) if not absent[row, column]]
            known = {at for series in self.memory.all_series() if series.labels == each for at in series.samples}
            samples = dict(zip(times, values[:, column].tolist(), strict=True))
            self.memory.add(each, {at: value for at, value in samples.items() if at not in known})


@dataclass(slots=True)
class RecordingDispatcher:
    """Keeps what it was given, with the time."""

    sent: list[tuple[int, Notice]] = field(default_factory=list)
    fails: Exception | None = None

    def dispatch(self, connection: Connection, notices: Sequence[Notice], now_ms: int) -> bool:
        del connection
        if self.fails is not None:
            raise self.fails
        self.sent += [(now_ms, notice) for notice in notices]
        return False


class AlertTimeline:
    """One group of rules, evaluated at 0, its interval, twice its interval and so on.

    `at` moves to a moment; what stands there is evaluated when the story goes on or something is expected.
    """

    def __init__(self, rules: str, directory: Path, *, settings: EvaluationSettings | None = None) -> None:
        self.memory = MemoryReader()
        self.appender = MemoryAppender(self.memory)
        self.dispatcher = RecordingDispatcher()
        self.clock = ManualClock(START_MS)
        self.policy = RestorePolicy()
        self._database = open_database(f"sqlite:///{directory / 'alerts.db'}")
        self.store = AlertStore(self._database)
        engine = Engine(QueryLimits(), Features(), self.clock)
        self.evaluator = GroupEvaluator(
            EngineQuerier(engine, self.memory),
            self._database,
            self.store,
            self.dispatcher,
            self.clock,
            RuleMetrics.register(CollectorRegistry()),
            settings=settings or EvaluationSettings(external_url="http://plimsoll"),
            wake=lambda: None,
        )
        self._held: dict[Labels, float] = {}
        self._now_ms = START_MS
        self.next_ms = START_MS
        self.state = self._start(self._read(rules))

    def _read(self, rules: str) -> RuleGroup:
        found = read_rules(dedent(rules), RuleDefaults(), file="rules.yml")
        assert not found.problems, found.problems
        (group,) = found.groups
        return group

    def _start(self, group: RuleGroup) -> GroupState:
        return restored_group(group, self.store.load(group.key), self.appender, self.next_ms, self.policy)

    # The story

    def at(self, moment: str) -> AlertTimeline:
        """Goes to `moment` after the start, evaluating what comes before it."""
        self._now_ms = START_MS + parse_duration_ms(moment)
        self._evaluate_until(self._now_ms - 1)
        return self

    def push(self, series: str, value: float) -> AlertTimeline:
        """From now on `series` is `value`, until it is pushed again or dropped."""
        self._held[labels_of(series)] = value
        return self

    def drop(self, series: str) -> AlertTimeline:
        """From now on there is no such series."""
        del self._held[labels_of(series)]
        self.memory.add(labels_of(series), {self._now_ms: STALE})
        return self

    def reload(self, rules: str) -> AlertTimeline:
        """Other rules take over."""
        old, group = self.state, self._read(rules)
        self.state = restored_group(group, self.store.load("nothing"), self.appender, self.next_ms, self.policy)
        self.state.continue_from(old)
        self.store.forget_rules(group.key, group.rule_keys())
        return self

    def restart_at(self, moment: str) -> AlertTimeline:
        """The process ends now, after this moment's evaluation, and the next evaluation is at `moment`."""
        self._evaluate_until(self._now_ms)
        self.store.record_evaluations({self.state.group.key: self.next_ms - self.state.group.interval_ms})
        self._now_ms = self.next_ms = START_MS + parse_duration_ms(moment)
        self.state = self._start(self.state.group)
        return self

    def _evaluate_until(self, end_ms: int) -> None:
        while self.next_ms <= end_ms:
            for labels, value in self._held.items():
                self.memory.add(labels, {self.next_ms: value})
            self.evaluator.evaluate(self.state, self.next_ms)
            self.next_ms += self.state.group.interval_ms

    # What is expected of it

    def alerts(self, state: AlertState) -> dict[Labels, Alert]:
        self._evaluate_until(self._now_ms)
        found = [alert for rule in self.state.rules for alert in rule.alerts.values() if alert.state is state]
        return {alert.labels: alert for alert in found}

    def expect_firing(self, *labels: str) -> AlertTimeline:
        assert sorted(map(str, self.alerts(AlertState.FIRING))) == sorted(labels)
        return self

    def expect_pending(self, *labels: str) -> AlertTimeline:
        assert sorted(map(str, self.alerts(AlertState.PENDING))) == sorted(labels)
        return self

    def expect_resolved(self, *labels: str) -> AlertTimeline:
        assert sorted(map(str, self.alerts(AlertState.INACTIVE))) == sorted(labels)
        return self

    def expect_error(self, rule: int, message: str) -> AlertTimeline:
        self._evaluate_until(self._now_ms)
        assert self.state.rules[rule].status.last_error == message
        return self

    def series(self, expression: str) -> dict[str, float]:
        """What a query answers now."""
        self._evaluate_until(self._now_ms)
        engine = Engine(QueryLimits(), Features(), self.clock)
        frame = EngineQuerier(engine, self.memory).instant(expression, self._now_ms)
        return {str(labels): value for labels, value in zip(frame.labels.all_labels(), frame.values[:, 0], strict=True)}

    def sent(self) -> list[tuple[float, str, str]]:
        """What went to the dispatcher: minutes after the start, labels, and `firing` or `resolved`."""
        self._evaluate_until(self._now_ms)
        return [
            ((at_ms - START_MS) / 60_000, str(notice.labels), "firing" if notice.is_firing(at_ms) else "resolved")
            for at_ms, notice in self.dispatcher.sent
        ]
