"""One evaluation of one rule group: rules in order, each seeing what the ones before it wrote.

It runs in a worker thread from end to end: queries take long, SQL and the store block, and nothing of it may delay the
event loop. Different groups run at the same time; one group never runs twice at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import Connection, Engine

from alerts.alert_state import (
    Alert,
    AlertsByLabels,
    AlertState,
    Element,
    Observation,
    Transition,
    needs_sending,
    step,
)
from alerts.alert_store import AlertStore
from alerts.checkpoint import Checkpoint, no_checkpoint
from alerts.database import write_transaction
from alerts.group_state import GroupState, RuleHealth, RuleState
from alerts.notify.notice import Notice
from alerts.rule_metrics import RuleMetrics
from alerts.rule_series import alert_series, recorded_series
from alerts.rules import AlertingRule, RecordingRule
from alerts.templates.evaluate import TemplateLimits
from alerts.templates.functions import table_link
from alerts.templates.signatures import Context
from alerts.templates.values import AlertData, Sample, StringMap
from monitor.clock import Clock
from monitor.errors import EvaluationError, PlimsollError
from monitor.model.frame import Frame
from monitor.model.labels import METRIC_NAME, Labels

logger = logging.getLogger(__name__)

ALERT_NAME_LABEL = "alertname"


class Querier(Protocol):
    """The query engine, as rules need it."""

    def instant(self, expression: str, at_ms: int) -> Frame:
        """The instant vector at one moment: S series, T = 1, every cell present. A scalar is one series without labels.

        Raises QueryError; an EvaluationError as well if the result is a string.
        """
        ...


class Dispatcher(Protocol):
    """Where alerts go that somebody is to hear of."""

    def dispatch(self, connection: Connection, notices: Sequence[Notice], now_ms: int) -> bool:
        """Takes `notices` over in the transaction of `connection`; whether a notification is now due."""
        ...


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """`external_url` is where users reach us, without a slash at its end.

    `alerts_per_rule` acts as the limit of a group that has none.
    """

    external_url: str = ""
    external_labels: Labels = Labels()  # noqa: RUF009  (immutable)
    resend_delay_ms: int = 60_000
    alerts_per_rule: int = 100_000
    templates: TemplateLimits = field(default_factory=TemplateLimits)


class GroupEvaluator:
    """Evaluates groups. `wake` is called when a commit left something to deliver.

    `checkpoint` is called by name between the steps that a crash may separate: `before_state_commit`,
    `after_state_commit`.
    """

    def __init__(
        self,
        querier: Querier,
        engine: Engine,
        store: AlertStore,
        dispatcher: Dispatcher,
        clock: Clock,
        metrics: RuleMetrics,
        *,
        settings: EvaluationSettings,
        wake: Callable[[], None],
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        self._querier = querier
        self._engine = engine
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._wake = wake
        self._checkpoint = checkpoint

    def evaluate(self, state: GroupState, at_ms: int) -> None:
        """One iteration at `at_ms`. A rule that fails does not stop the next; a group that is stopped ends early."""
        key = state.group.key
        began_ms, began = self._clock.now_ms(), self._clock.monotonic_seconds()
        samples = 0
        for rule in state.rules:
            if state.is_stopped:
                return
            samples += self._evaluate_rule(state, rule, at_ms)
        self._end_dropped_series(state, at_ms - state.group.query_offset_ms)
        seconds = self._clock.monotonic_seconds() - began
        state.finish(seconds, began_ms, at_ms)
        self._metrics.group_duration.labels(key).set(seconds)
        self._metrics.group_evaluated.labels(key).set(began_ms / 1000)
        self._metrics.group_samples.labels(key).set(samples)

    def _evaluate_rule(self, state: GroupState, rule: RuleState, at_ms: int) -> int:
        """How many samples the rule gave."""
        began_ms, began = self._clock.now_ms(), self._clock.monotonic_seconds()
        self._metrics.evaluations.labels(state.group.key).inc()
        health, error, samples = RuleHealth.OK, "", 0
        try:
            samples = self._run(state, rule, at_ms)
        except PlimsollError as failure:
            health, error = RuleHealth.ERROR, str(failure)
            logger.warning("rule %s of group %s failed: %s", rule.rule.name, state.group.key, failure)
        except Exception as failure:  # the top of the loop over rules: the next rule must run
            health, error = RuleHealth.ERROR, f"{type(failure).__name__}: {failure}"
            logger.exception("rule %s of group %s failed", rule.rule.name, state.group.key)
        seconds = self._clock.monotonic_seconds() - began
        if health is RuleHealth.ERROR:
            self._metrics.failures.labels(state.group.key).inc()
        self._metrics.duration.observe(seconds)
        rule.finish(health, error, seconds, began_ms)
        return samples

    def _run(self, state: GroupState, rule: RuleState, at_ms: int) -> int:
        query_ms = at_ms - state.group.query_offset_ms
        result = self._querier.instant(rule.rule.expression, query_ms)
        if isinstance(rule.rule, RecordingRule):
            labels, values = recorded_series(rule.rule, result, state.group.limit)
        else:
            elements = self._elements(rule.rule, result, at_ms)
            self._advance(state, rule, rule.rule, elements, at_ms)
            labels, values = alert_series(rule.alerts)
        rule.writer.write(labels, values, query_ms)
        return labels.size

    def _elements(self, rule: AlertingRule, result: Frame, at_ms: int) -> list[Element]:
        context = Context(at_ms, _TemplateQuerier(self._querier), self._settings.external_url)
        values = result.values[:, 0].tolist()
        return [
            self._element(rule, labels, value, context)
            for labels, value in zip(result.labels.all_labels(), values, strict=True)
        ]

    def _element(self, rule: AlertingRule, labels: Labels, value: float, context: Context) -> Element:
        settings = self._settings
        data = AlertData.of(labels, value, settings.external_labels, settings.external_url)
        own = {name: template.expand(data, context, settings.templates) for name, template in rule.labels}
        annotations = {name: template.expand(data, context, settings.templates) for name, template in rule.annotations}
        identity = labels.without(METRIC_NAME).merged({**own, ALERT_NAME_LABEL: rule.name})
        return Element(identity, annotations, value)

    def _advance(
        self, state: GroupState, rule: RuleState, definition: AlertingRule, elements: list[Element], at_ms: int
    ) -> None:
        """The rule's alerts after this evaluation, stored together with the notifications that they cause."""
        observation = Observation(elements, absence_counts=at_ms >= state.absence_counts_from_ms)
        limit = state.group.limit or self._settings.alerts_per_rule
        result = step(rule.alerts, observation, at_ms, definition, limit)
        if result.error and result.alerts is rule.alerts:
            raise EvaluationError(result.error)
        due = [alert for alert in result.alerts.values() if needs_sending(alert, at_ms, self._settings.resend_delay_ms)]
        after = {**result.alerts, **{alert.labels: replace(alert, last_sent_at_ms=at_ms) for alert in due}}
        notices = [self._notice(state, definition, alert, at_ms) for alert in due]
        self._commit(state, rule, after, notices, at_ms)
        rule.alerts = after
        self._count(state.group.key, result.transitions)
        if result.error:
            raise EvaluationError(result.error)

    def _commit(
        self, state: GroupState, rule: RuleState, after: AlertsByLabels, notices: list[Notice], at_ms: int
    ) -> None:
        if not notices and not self._store.differs(rule.alerts, after):
            return
        with write_transaction(self._engine) as connection:
            self._store.save(connection, state.group.key, rule.key, rule.alerts, after)
            is_due = bool(notices) and self._dispatcher.dispatch(connection, notices, at_ms)
            self._checkpoint("before_state_commit")
        self._checkpoint("after_state_commit")
        if is_due:
            self._wake()

    def _notice(self, state: GroupState, rule: AlertingRule, alert: Alert, at_ms: int) -> Notice:
        assert alert.fired_at_ms is not None, f"BUG: got an alert to send that never fired: {alert}"
        if alert.state is AlertState.INACTIVE:
            assert alert.resolved_at_ms is not None, f"BUG: got an inactive alert that was never resolved: {alert}"
            ends_at_ms = alert.resolved_at_ms
        else:
            # Four, so that three evaluations or deliveries in a row may fail, as in Prometheus.
            ends_at_ms = at_ms + 4 * max(state.group.interval_ms, self._settings.resend_delay_ms)
        url = self._settings.external_url + table_link(rule.expression)
        return Notice(alert.labels, alert.annotations, alert.fired_at_ms, ends_at_ms, url)

    def _count(self, group_key: str, transitions: Sequence[Transition]) -> None:
        for transition in transitions:
            after = transition.after.value if transition.after else "none"
            self._metrics.transitions.labels(group_key, after).inc()

    def _end_dropped_series(self, state: GroupState, at_ms: int) -> None:
        """Stale markers for the series of rules that are gone, unless another rule of the group goes on with them."""
        if not state.dropped_series:
            return
        try:
            state.end_dropped_series(state.written(), at_ms)
        except PlimsollError as error:
            logger.warning("ending the series of dropped rules of group %s failed: %s", state.group.key, error)


class _TemplateQuerier:
    """The `query` function of templates, over the same engine."""

    def __init__(self, querier: Querier) -> None:
        self._querier = querier

    def samples(self, expression: str, at_ms: int) -> list[Sample]:
        result = self._querier.instant(expression, at_ms)
        values = result.values[:, 0].tolist()
        return [
            Sample(StringMap(labels), value) for labels, value in zip(result.labels.all_labels(), values, strict=True)
        ]
