"""What follows from samples: rules with their notifications, and scaling. The two share the state database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from alerts.database import open_database
from monitor.app.alerting import Alerting
from monitor.app.http_client import HttpClients
from monitor.app.rule_setup import RuleSetup
from monitor.app.scaling import Scaling
from monitor.clock import Clock
from monitor.promql.engine import Engine
from monitor.storage.interfaces import Queryable
from monitor.storage.store import Store


@dataclass(frozen=True, slots=True)
class ReactionParts:
    """
    rule_reads        the store as rules and policies read it
    state_directory   fleets keep their files there
    """

    database_url: str
    store: Store
    rule_reads: Queryable
    engine: Engine
    clock: Clock
    registry: CollectorRegistry
    state_directory: Path
    external_url: str


class Reactions:
    """Opens the database; acts from the first `apply` on."""

    def __init__(self, parts: ReactionParts) -> None:
        database = open_database(parts.database_url)
        shared = (parts.engine, parts.clock, parts.registry, HttpClients())
        self._alerting = Alerting(database, parts.store, *shared, parts.external_url, parts.rule_reads)
        self._scaling = Scaling(database, parts.rule_reads, *shared, parts.state_directory, parts.external_url)
        self._is_started = False
        self.rule_answers = self._alerting.answers()
        self.scale_answers = self._scaling.answers()

    async def apply(self, setup: RuleSetup) -> None:
        """Goes over to a checked configuration."""
        await self._alerting.apply(setup)
        await self._scaling.apply(setup.config.scaling_policies)
        if not self._is_started:
            await self._alerting.start()
            self._is_started = True

    async def stop(self) -> None:
        await self._scaling.stop()
        await self._alerting.stop()
