"""The HTTP API with its routes of history, over a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api_server import ApiClient, api_context, serving
from manual_clock import ManualClock

from monitor.api.history.context import HistoryContext
from monitor.api.worker_pool import history_pool
from monitor.config.settings import Limits
from monitor.history.metric_usage import MetricUsage
from monitor.storage.metric_rates import metric_rates
from monitor.storage.store import Store, StoreSettings

NOW_MS = 2_000_000_000_000


@dataclass(frozen=True, slots=True)
class HistoryServer:
    api: ApiClient
    store: Store

    def send(self, body: bytes, content_type: str, **headers: str):  # type: ignore[no-untyped-def]
        given = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.api.request("POST", "/api/v1/import", body, given)


@contextmanager
def history_server(
    root: Path, *, limits: Limits | None = None, admin: bool = True, settings: StoreSettings | None = None
) -> Iterator[HistoryServer]:
    limits = limits or Limits()
    clock = ManualClock(now_ms=NOW_MS)
    store = Store(root, settings or StoreSettings(), clock)
    store.start()
    context, work = api_context(store, clock, limits), history_pool(limits)
    history = HistoryContext(store, admin, work, MetricUsage(clock), lambda: metric_rates(store.head))
    try:
        with serving(context, history=history) as api:
            yield HistoryServer(api, store)
    finally:
        context.queries.close()
        context.writes.close()
        work.close()
        store.close()
