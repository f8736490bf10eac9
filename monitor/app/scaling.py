"""The part of the service that scales: one loop for each policy, and how they follow a reload."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import aiohttp
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine as Database

from alerts.api.scale_answers import ScaleAnswers
from alerts.autoscale.actuators.actuator import Actuator
from alerts.autoscale.actuators.process import ProcessFleet
from alerts.autoscale.actuators.table import Parts, build_actuator
from alerts.autoscale.control_loop import Autoscaler, PolicyLoop, PolicyStatus, Services
from alerts.autoscale.engine_query import EngineQuery
from alerts.autoscale.history import DecisionHistory, HistorySettings
from alerts.autoscale.policy import Policy
from alerts.autoscale.self_metrics import AutoscaleMetrics
from monitor.app.http_client import HttpClients
from monitor.clock import Clock
from monitor.config.scaling_config import ProcessActuator, ScalingPolicy
from monitor.promql.engine import Engine
from monitor.storage.interfaces import Queryable


class Scaling:
    """Policies and their actuators. Fleets keep their files below `state_directory`."""

    def __init__(
        self,
        database: Database,
        store: Queryable,
        engine: Engine,
        clock: Clock,
        registry: CollectorRegistry,
        http_clients: HttpClients,
        state_directory: Path,
        external_url: str,
    ) -> None:
        self._clock = clock
        self._http_clients = http_clients
        self._state_directory = state_directory
        self._external_url = external_url
        self.history = DecisionHistory(database, HistorySettings())
        self._services = Services(
            query=EngineQuery(engine, store),
            history=self.history,
            clock=clock,
            metrics=AutoscaleMetrics.register(registry),
            new_id=lambda: uuid4().hex,
        )
        self._session: aiohttp.ClientSession | None = None
        self._policies: tuple[ScalingPolicy, ...] = ()
        self._autoscaler: Autoscaler | None = None

    def answers(self) -> ScaleAnswers:
        return ScaleAnswers(self, self.history, self._clock)

    def statuses(self) -> Sequence[PolicyStatus]:
        return self._autoscaler.statuses() if self._autoscaler is not None else ()

    def status(self, policy: str) -> PolicyStatus | None:
        return self._autoscaler.status(policy) if self._autoscaler is not None else None

    async def apply(self, policies: tuple[ScalingPolicy, ...]) -> None:
        """Goes over to `policies`. What a removed policy kept running is ended."""
        if self._autoscaler is not None and policies == self._policies:
            return
        if self._session is None:
            self._session = aiohttp.ClientSession()
        if self._autoscaler is not None:
            await self._autoscaler.stop()
        kept = {policy.name for policy in policies}
        for policy in self._policies:
            if policy.name not in kept and isinstance(policy.actuator, ProcessActuator):
                await self._end_fleet(policy)
        self._policies = policies
        loops = [PolicyLoop(Policy.of(policy), self._actuator(policy), self._services) for policy in policies]
        self._autoscaler = Autoscaler(loops, self._services)
        self._autoscaler.start()

    def _actuator(self, policy: ScalingPolicy) -> Actuator:
        assert self._session is not None, "BUG: got no HTTP session"
        parts = Parts(
            session=self._session,
            clock=self._clock,
            state_directory=self._state_directory,
            explain_url=lambda name, seq: (
                f"{self._external_url}/api/v1/scale/{name}/decisions?before={seq + 1}&limit=1"
            ),
            request_options=lambda http: self._http_clients.options_of(http)(),
        )
        return build_actuator(policy, parts)

    async def _end_fleet(self, policy: ScalingPolicy) -> None:
        fleet = self._actuator(policy)
        if isinstance(fleet, ProcessFleet) and not policy.dry_run:
            await fleet.end()

    async def stop(self) -> None:
        if self._autoscaler is not None:
            await self._autoscaler.stop()
        if self._session is not None:
            await self._session.close()
