"""What the HTTP API needs of the rest of the service; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from monitor.api.api_metrics import ApiMetrics
from monitor.api.endpoint import Endpoint
from monitor.api.history.context import HistoryContext
from monitor.api.queries.query_records import QueryRecords
from monitor.api.worker_pool import WorkerPool
from monitor.clock import Clock
from monitor.config.config import Config
from monitor.config.settings import Limits
from monitor.promql.engine import Engine
from monitor.scrape.target_status import JobTargets
from monitor.storage.head.push_groups import PushedBatch
from monitor.storage.interfaces import Reader, Selector
from monitor.storage.statistics import StoreStatistics


class LabelReader(Reader, Protocol):
    """A Reader that also answers about labels alone. Times are inclusive; no selector is every series."""

    def label_names(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]: ...

    def label_values(self, name: str, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]: ...

    def series_counts(self, metrics: Sequence[str]) -> list[int]: ...


class ReadableStore(Protocol):
    def reader(self) -> AbstractContextManager[LabelReader]: ...


class WritableStore(Protocol):
    def push(self, batch: PushedBatch) -> int:
        """Takes the samples in; how many were refused because they come too late."""
        ...

    def pushed_series(self) -> int:
        """How many series came so far, about."""
        ...

    def durable(self) -> Future[None]:
        """Done once everything pushed so far is on disk."""
        ...


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """`compatible_version` is the Prometheus whose API this is: clients choose their calls by it."""

    version: str
    compatible_version: str = "3.5.0"
    revision: str = ""


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """`retention` is as the configuration words it, such as `15d` or `15d or 100GB`."""

    started_ms: int
    working_directory: str
    host_name: str
    last_reload_ok: bool
    last_reload_ms: int
    retention: str
    corruptions: int = 0


@dataclass(frozen=True, slots=True)
class ApiContext:
    """
    queries       see query_pool
    writes        see write_pool
    records       of the queries asked
    receiver      where remote write goes; None refuses it
    statistics    for the length of its lists; called in a thread
    targets       called on the event loop
    config        the configuration in force
    reload        raises ConfigError if the new configuration is refused; None: reloading by HTTP is off
    registry      what /metrics shows; collected in a thread
    external_url  how others reach this service; its host replaces `localhost` where targets are shown
    cors_origin   a regex, anchored, of the origins whose pages may call us
    endpoints     more of them, such as those of alerts
    history       what imports, exports and administration need; None: these routes are not there
    """

    engine: Engine
    store: ReadableStore
    receiver: WritableStore | None
    queries: WorkerPool
    writes: WorkerPool
    records: QueryRecords
    limits: Limits
    clock: Clock
    statistics: Callable[[int], StoreStatistics]
    targets: Callable[[], Sequence[JobTargets]]
    config: Callable[[], Config]
    flags: Mapping[str, str]
    build: BuildInfo
    runtime: Callable[[], RuntimeInfo]
    is_ready: Callable[[], bool]
    reload: Callable[[], Awaitable[None]] | None
    registry: CollectorRegistry
    metrics: ApiMetrics
    external_url: str
    cors_origin: str = ".*"
    endpoints: tuple[Endpoint, ...] = ()
    history: HistoryContext | None = None
