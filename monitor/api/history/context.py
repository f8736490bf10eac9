"""What the routes of history need beside ApiContext: those that delete, copy, take in and give out what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from monitor.api.worker_pool import WorkerPool
from monitor.history.exports.read_history import HistoryStore
from monitor.history.imports.importer import BackfilledStore
from monitor.history.metric_usage import MetricUsage
from monitor.storage.interfaces import Selector
from monitor.storage.metric_rates import MetricRate


class StoredHistory(BackfilledStore, HistoryStore, Protocol):
    """A store that gives out and takes in any history. What its administration does is durable on return."""

    def durable(self) -> Future[None]: ...

    def delete_series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> None: ...

    def clean_tombstones(self) -> None: ...

    def snapshot(self, now_ms: int, *, with_head: bool = True) -> str: ...


@dataclass(frozen=True, slots=True)
class HistoryContext:
    """
    store             where all of it is
    is_admin_enabled  whether /api/v1/admin/tsdb answers
    work              for long work: see history_pool
    usage             of metrics by queries, dashboards and rules
    rates             of the metrics that get samples now; called in a thread
    """

    store: StoredHistory
    is_admin_enabled: bool
    work: WorkerPool
    usage: MetricUsage
    rates: Callable[[], list[MetricRate]]
