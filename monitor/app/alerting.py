"""The part of the service that evaluates rules and tells people: its objects, and how they follow a reload."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from alerts.alert_store import AlertStore
from alerts.api.rule_answers import RuleAnswers
from alerts.engine_querier import EngineQuerier
from alerts.evaluate_group import EvaluationSettings, GroupEvaluator
from alerts.notify.deliver import DeliveryLoop, DeliverySettings, Target
from alerts.notify.dispatch import DispatchSettings, GroupDispatcher
from alerts.notify.integration import integrations_of, url_digest
from alerts.notify.notice import Notice
from alerts.notify.notify_metrics import NotifyMetrics
from alerts.notify.outbox import Outbox
from alerts.notify.route import SingleRoute
from alerts.notify.webhook import WebhookSender
from alerts.rule_metrics import RuleMetrics
from alerts.schedule import RuleSchedule, ScheduleSettings
from monitor.app.http_client import HttpClients
from monitor.app.rule_setup import RuleSetup
from monitor.clock import Clock
from monitor.config.config import Config
from monitor.promql.engine import Engine
from monitor.storage.interfaces import Queryable
from monitor.storage.store import Store

EVALUATION_THREADS = 4
OUTBOX_RETENTION_MS = 30 * 86_400_000
DELIVERY_OWNER = "plimsoll"
"""One process delivers from a state database; after a restart it takes up its own claims at once."""


class _NobodyToTell:
    """The dispatcher of a configuration without a route."""

    def dispatch(self, _connection: Connection, _notices: Sequence[Notice], _now_ms: int) -> bool:
        return False

    def sweep(self, _now_ms: int) -> bool:
        return False

    def resume(self, _now_ms: int) -> None: ...


class _CurrentDispatcher:
    """Hands over to the dispatcher of the configuration in force."""

    def __init__(self) -> None:
        self.target: GroupDispatcher | _NobodyToTell = _NobodyToTell()

    def dispatch(self, connection: Connection, notices: Sequence[Notice], now_ms: int) -> bool:
        return self.target.dispatch(connection, notices, now_ms)

    def sweep(self, now_ms: int) -> bool:
        return self.target.sweep(now_ms)


class Alerting:
    """Rules, alert state and notifications. `apply` puts a configuration in force."""

    def __init__(
        self,
        database: Database,
        store: Store,
        engine: Engine,
        clock: Clock,
        registry: CollectorRegistry,
        http_clients: HttpClients,
        external_url: str,
        rule_reads: Queryable,
    ) -> None:
        self._rule_reads = rule_reads
        self._database = database
        self._store = store
        self._engine = engine
        self._clock = clock
        self._http_clients = http_clients
        self._external_url = external_url
        self._rule_metrics = RuleMetrics.register(registry)
        self._outbox = Outbox(database)
        self._delivery = DeliveryLoop(
            self._outbox,
            clock,
            NotifyMetrics.register(registry),
            owner=DELIVERY_OWNER,
            settings=DeliverySettings(),
            random=random.random,
        )
        self._dispatcher = _CurrentDispatcher()
        self._executor = ThreadPoolExecutor(EVALUATION_THREADS, thread_name_prefix="rules")
        self._senders: list[WebhookSender] = []
        self._schedule: RuleSchedule | None = None
        self._delivery_task: asyncio.Task[None] | None = None
        self._in_force: RuleSetup | None = None

    def answers(self) -> RuleAnswers:
        return RuleAnswers(lambda: self._schedule.statuses() if self._schedule is not None else ())

    async def apply(self, setup: RuleSetup) -> None:
        """Goes over to `setup`. Groups that did not change go on undisturbed."""
        await self._set_receivers(setup.config)
        before = self._in_force
        labels = setup.config.global_config.external_labels
        if before is None or before.config.global_config.external_labels != labels:
            await self._renew_schedule(setup)
        assert self._schedule is not None, "BUG: got no schedule"
        await self._schedule.apply(setup.groups)
        self._in_force = setup

    async def _renew_schedule(self, setup: RuleSetup) -> None:
        if self._schedule is not None:
            await self._schedule.stop()
        alerts = AlertStore(self._database)
        settings = EvaluationSettings(
            external_url=self._external_url, external_labels=setup.config.global_config.external_labels
        )
        evaluator = GroupEvaluator(
            EngineQuerier(self._engine, self._rule_reads),
            self._database,
            alerts,
            self._dispatcher,
            self._clock,
            self._rule_metrics,
            settings=settings,
            wake=self._delivery.wake,
        )
        self._schedule = RuleSchedule(
            evaluator,
            alerts,
            self._store,
            self._executor,
            self._clock,
            self._rule_metrics,
            settings=ScheduleSettings(),
            upkeep=(self._sweep, self._purge),
        )

    def _sweep(self, now_ms: int) -> None:
        if self._dispatcher.sweep(now_ms):
            self._delivery.wake()

    def _purge(self, now_ms: int) -> None:
        self._outbox.purge(now_ms - OUTBOX_RETENTION_MS)

    async def _set_receivers(self, config: Config) -> None:
        alerting = config.alerting
        before = self._senders
        integrations = integrations_of(alerting.receivers)
        targets: dict[str, Target] = {}
        self._senders = []
        for integration in (one for members in integrations.values() for one in members):
            sender = WebhookSender(integration, self._clock, self._http_clients.options_of(integration.config.http))
            self._senders.append(sender)
            targets[integration.key] = Target(sender, url_digest(integration))
        await self._delivery.set_targets(targets)
        if alerting.route is None:
            self._dispatcher.target = _NobodyToTell()
        else:
            settings = DispatchSettings(self._external_url, config.global_config.external_labels)
            self._dispatcher.target = GroupDispatcher(
                self._database,
                self._outbox,
                SingleRoute(alerting.route.receiver),
                integrations,
                settings=settings,
                new_id=_new_id,
            )
        for sender in before:
            await sender.close()

    async def start(self) -> None:
        """Begins to deliver; rules are evaluated from the first `apply` on."""
        await asyncio.to_thread(self._dispatcher.target.resume, self._clock.now_ms())
        self._delivery_task = asyncio.create_task(self._delivery.run(), name="deliver notifications")

    async def stop(self) -> None:
        if self._schedule is not None:
            await self._schedule.stop()
        if self._delivery_task is not None:
            self._delivery_task.cancel()
            await asyncio.gather(self._delivery_task, return_exceptions=True)
        for sender in self._senders:
            await sender.close()
        self._executor.shutdown(wait=True)


def _new_id() -> str:
    return f"msg_{uuid4().hex}"
