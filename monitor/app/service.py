"""The composition root: builds every part of the service once, and takes it from one configuration to the next."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector

from monitor import __version__
from monitor.api.api_metrics import ApiMetrics
from monitor.api.context import ApiContext, BuildInfo, RuntimeInfo
from monitor.api.create_api import Api, create_api
from monitor.api.history.context import HistoryContext
from monitor.api.queries.query_records import QueryRecords
from monitor.api.routes.rule_routes import RuleRoutes
from monitor.api.routes.scale_routes import ScaleRoutes
from monitor.api.worker_pool import history_pool, query_pool, write_pool
from monitor.app.late_reactions import LateReactions
from monitor.app.native_memory import NativeMemory
from monitor.app.options import ServeOptions
from monitor.app.query_limits import query_limits
from monitor.app.rule_setup import RuleSetup, read_rule_setup
from monitor.app.store_settings import store_settings
from monitor.app.web_page import web_page_endpoints
from monitor.clock import Clock
from monitor.config.config import Config, StorageConfig
from monitor.config.load import load_config
from monitor.config.scrape_config import ScrapeConfig
from monitor.config.sizes import format_size
from monitor.errors import StorageError, StorageStopping
from monitor.history.metric_usage import CountedStore, MetricUsage, UsageKind
from monitor.model.durations import format_duration
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.scrape.discovery.file_sd import read_errors_counter
from monitor.scrape.discovery.job_discovery import Discovery, discoveries_of
from monitor.scrape.scrape_manager import ScrapeManager
from monitor.scrape.target_rows import new_scrape_resources
from monitor.scrape.target_status import JobTargets
from monitor.storage.metric_rates import metric_rates
from monitor.storage.statistics import StoreStatistics, store_statistics
from monitor.storage.store import Store
from monitor.storage.store_metrics import StoreCollector

if TYPE_CHECKING:
    from monitor.app.reactions import Reactions

logger = logging.getLogger(__name__)

MAINTENANCE_INTERVAL_SECONDS = 30
CONFIG_FEATURES = frozenset({"extra-scrape-metrics", "native-histograms"})
"""Features that change defaults of the configuration (monitor/config/load.py)."""


class Service:
    """One running server. Opening it takes the data directory and recovers what is in it.

    Raises ConfigError if the configuration or a rule file is wrong, StorageError if the data directory cannot be used.
    """

    def __init__(self, options: ServeOptions, clock: Clock, port: int, memory: NativeMemory) -> None:
        self._options = options
        self._memory = memory
        self._clock = clock
        self._started_ms = clock.now_ms()
        self._config = self._load()
        limits = self._config.limits
        self.registry = CollectorRegistry()
        self._reload_ok = Gauge(
            "plimsoll_config_last_reload_successful", "1 if the last reload was taken.", registry=self.registry
        )
        self._reload_seconds = Gauge(
            "plimsoll_config_last_reload_success_timestamp_seconds",
            "When a configuration was last taken.",
            registry=self.registry,
        )
        self._failed_maintenance = Counter(
            "plimsoll_store_maintenance_failures_total",
            "Rounds of sealing, merging and retention that failed.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.store = Store(options.data_directory, store_settings(self._config), clock)
        self.registry.register(StoreCollector(self.store))
        features = promql_features(options.features)
        self.engine = Engine(query_limits(limits), features, clock)
        self._external_url = options.url(port)
        self._read_errors = read_errors_counter(self.registry)
        self._scraping = ScrapeManager(
            new_scrape_resources(self.store, self.store, self.registry), clock, self._discover, socket.gethostname()
        )
        self._usage = MetricUsage(clock)
        self._reactions = LateReactions(self._state_file, self._build_reactions)
        self._queries = query_pool(limits)
        self._records = QueryRecords(limits, clock)
        self._writes = write_pool(limits)
        self._history = history_pool(limits)
        self._maintenance: asyncio.Task[None] | None = None
        self._is_stopping = asyncio.Event()
        self._reload_lock = asyncio.Lock()
        self._is_ready = False
        self.api = self._create_api()

    # Configuration.

    def _load(self) -> Config:
        config = load_config(self._options.config_file, features=self._options.features)
        store_settings(config)  # a wrong selector is refused at a reload too
        for warning in config.warnings:
            logger.warning("%s", warning)
        return config

    def _open_query_log(self, config: Config) -> None:
        """The same file is opened again: whoever rotates logs has moved it away. Without one the service runs on."""
        name = config.global_config.query_log_file
        try:
            self._records.log.open(Path(name) if name else None)
        except StorageError as error:
            logger.error("%s", error)

    @property
    def _state_file(self) -> Path:
        return self._options.data_directory / "state.sqlite"

    def _build_reactions(self) -> Reactions:
        from monitor.app.reactions import ReactionParts, Reactions  # noqa: PLC0415  (see late_reactions.py)

        secret = self._config.alerts_database
        parts = ReactionParts(
            database_url=secret.text if secret is not None else f"sqlite:///{self._state_file}",
            store=self.store,
            rule_reads=CountedStore(self.store, self._usage, UsageKind.RULE),
            engine=self.engine,
            clock=self._clock,
            registry=self.registry,
            state_directory=self._options.data_directory / "fleets",
            external_url=self._external_url,
        )
        return Reactions(parts)

    def _read_rules(self, config: Config) -> RuleSetup:
        return read_rule_setup(config, self.engine.features)

    def _discover(self, job: ScrapeConfig) -> Sequence[Discovery]:
        return discoveries_of(job, self._clock, self._read_errors)

    async def reload(self) -> None:
        """Takes the configuration as it is now. Raises ConfigError, and then nothing has changed."""
        async with self._reload_lock:
            try:
                await self._take_new_configuration()
            except Exception:
                self._reload_ok.set(0)
                raise
            logger.info("configuration reloaded from %s", self._options.config_file)

    async def _take_new_configuration(self) -> None:
        config = await asyncio.to_thread(self._load)
        setup = await asyncio.to_thread(self._read_rules, config)
        for name in unchangeable(self._config, config):
            logger.warning("%s: a new value takes effect at the next start", name)
        await self._apply(config)
        await self._reactions.apply(setup)

    async def _apply(self, config: Config) -> None:
        """Puts a checked configuration in force. From here on nothing is wrong with it any more."""
        await self._scraping.apply(config)
        self._open_query_log(config)
        self._config = config
        self._reload_ok.set(1)
        self._reload_seconds.set(self._clock.now_ms() / 1000)

    # Life.

    async def start(self) -> RuleSetup:
        """Begins to commit, scrape and answer queries; what is left for `start_reactions` to do."""
        setup = await asyncio.to_thread(self._read_rules, self._config)
        self.store.start()
        await self._apply(self._config)
        self._maintenance = asyncio.create_task(self._maintain_until_stopped(), name="maintenance")
        self._is_ready = True
        return setup

    async def start_reactions(self, setup: RuleSetup) -> None:
        """Begins to evaluate, notify and scale. A reload waits for it. Raises StorageError without a database."""
        async with self._reload_lock:
            await self._reactions.apply(setup)

    async def _maintain_until_stopped(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._is_stopping.wait(), MAINTENANCE_INTERVAL_SECONDS)
            except TimeoutError:
                await asyncio.to_thread(self._maintain)
            else:
                return

    def _maintain(self) -> None:
        try:
            self.store.maintenance.run(self._clock.now_ms())
            self._memory.trim()
        except StorageStopping as stopping:
            logger.info("%s", stopping)
        except Exception:  # the top of a loop: what failed is tried again
            self._failed_maintenance.inc()
            logger.exception("maintenance of the store failed, it is tried again")

    async def stop(self) -> None:
        """Ends everything in the order in which it depends on each other. What was accepted is on disk afterwards.

        It may also end what `start` had begun when it failed.
        """
        self._is_ready = False
        self._is_stopping.set()
        await self._reactions.stop()
        await self._scraping.close()
        self.store.maintenance.stop()
        if self._maintenance is not None:
            await self._maintenance  # a round that is under way writes to the store
        await asyncio.to_thread(self._queries.close)
        self._records.log.close()
        await asyncio.to_thread(self._writes.close)
        await asyncio.to_thread(self._history.close)
        await asyncio.to_thread(self.store.close)

    # What the API shows.

    def _create_api(self) -> Api:
        context = ApiContext(
            engine=self.engine,
            store=self.store,
            receiver=self.store,
            queries=self._queries,
            writes=self._writes,
            records=self._records,
            limits=self._config.limits,
            clock=self._clock,
            statistics=self._statistics,
            targets=self._targets,
            config=lambda: self._config,
            flags=self._flags(),
            build=BuildInfo(__version__),
            runtime=self._runtime,
            is_ready=lambda: self._is_ready,
            reload=self.reload,
            registry=self.registry,
            metrics=ApiMetrics.register(self.registry),
            external_url=self._external_url,
            history=HistoryContext(
                self.store,
                self._options.is_admin_enabled,
                self._history,
                self._usage,
                lambda: metric_rates(self.store.head),
            ),
            endpoints=(
                *RuleRoutes(self._reactions).endpoints(),
                *ScaleRoutes(self._reactions).endpoints(),
                *web_page_endpoints(),
            ),
        )
        return create_api(context)

    def _statistics(self, length: int) -> StoreStatistics:
        return store_statistics(self.store.head, length, self._clock.now_ms())

    def _targets(self) -> Sequence[JobTargets]:
        return self._scraping.targets()

    def _flags(self) -> dict[str, str]:
        options = self._options
        return {
            "config": str(options.config_file),
            "data": str(options.data_directory),
            "listen": f"{options.host}:{options.port}",
            "external-url": self._external_url,
            "enable-feature": ",".join(options.features),
            "enable-admin-api": str(options.is_admin_enabled).lower(),
        }

    def _runtime(self) -> RuntimeInfo:
        return RuntimeInfo(
            started_ms=self._started_ms,
            working_directory=os.getcwd(),  # noqa: PTH109
            host_name=socket.gethostname(),
            last_reload_ok=bool(self._reload_ok._value.get()),
            last_reload_ms=int(self._reload_seconds._value.get() * 1000),
            retention=retention_text(self._config.storage),
        )


def promql_features(names: Sequence[str]) -> Features:
    """The PromQL features among `names`. One not known here has no effect, and that is said."""
    known = {field.name.replace("_", "-") for field in fields(Features)}
    for name in names:
        if name not in known and name not in CONFIG_FEATURES:
            logger.warning("--enable-feature %s is not known here and has no effect", name)
    return Features.of(name for name in names if name in known)


def unchangeable(before: Config, after: Config) -> list[str]:
    """The sections of which a reload cannot take the new value."""
    pairs = {
        "storage": (before.storage, after.storage),
        "limits": (before.limits, after.limits),
        "alerts_database": (before.alerts_database, after.alerts_database),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def retention_text(storage: StorageConfig) -> str:
    """As upstream words it, such as `15d or 100GiB`."""
    retention = storage.retention
    limits = [format_duration(retention.time_ms)] if retention.time_ms else []
    limits += [format_size(retention.size_bytes)] if retention.size_bytes else []
    limits += [f"{retention.percentage:g}% of the disk"] if retention.percentage else []
    return " or ".join(limits) or "unlimited"
