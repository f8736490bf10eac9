"""Targets, and all that a scrape loop needs, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from manual_clock import ManualClock
from prometheus_client import CollectorRegistry
from recording_store import RecordingStore

from monitor.config.scrape_config import ScrapeConfig
from monitor.model.labels import Labels
from monitor.scrape.fetch import FetchResponse
from monitor.scrape.layout_cache import LayoutTable
from monitor.scrape.report_series import new_report_frames
from monitor.scrape.scrape_loop import ScrapeLoop
from monitor.scrape.scrape_metrics import ScrapeMetrics, new_scrape_metrics
from monitor.scrape.scrape_schedule import ScrapeSchedule
from monitor.scrape.target import Target, target_key
from monitor.scrape.target_rows import ScrapeStores, TargetRows

TEXT = "text/plain; version=0.0.4"
START_MS = 1_700_000_000_000
LABELS = Labels({"job": "j", "instance": "i"})


def make_target(
    url: str = "http://i/metrics",
    labels: Labels = LABELS,
    interval_ms: int = 1000,
    timeout_ms: int = 1000,
    **config: Any,
) -> Target:
    scrape_config = ScrapeConfig("j", interval_ms, timeout_ms, **config)
    return Target(target_key(labels, url), url, labels, labels, interval_ms, timeout_ms, scrape_config)


def make_stores(store: RecordingStore, metrics: ScrapeMetrics | None = None) -> ScrapeStores:
    return ScrapeStores(
        store, store, LayoutTable(), new_report_frames(), metrics or new_scrape_metrics(CollectorRegistry())
    )


@dataclass(slots=True)
class ScriptedFetcher:
    """Gives one answer after the other, the last one for ever; an error is raised, a function called."""

    answers: list[bytes | FetchResponse | Exception | Callable[[], Any]]
    fetches: int = 0
    is_closed: bool = False

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        answer = self.answers[min(self.fetches, len(self.answers) - 1)]
        self.fetches += 1
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        return FetchResponse(200, "OK", TEXT, answer) if isinstance(answer, bytes) else answer

    def close(self) -> None:
        self.is_closed = True


@dataclass(slots=True)
class Scraping:
    """One target's loop with everything around it."""

    target: Target
    fetcher: ScriptedFetcher
    store: RecordingStore = field(default_factory=RecordingStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START_MS))
    series_max: int = 1_000_000

    def loop(self) -> ScrapeLoop:
        stores = make_stores(self.store)
        return ScrapeLoop(
            self.target,
            self.fetcher,
            TargetRows(self.target, stores, self.series_max),
            ScrapeSchedule(self.target.scrape_interval_ms, 0),
            self.clock,
            stores.metrics,
        )


def scraping(*answers: bytes | FetchResponse | Exception | Callable[[], Any], **target: Any) -> Scraping:
    return Scraping(make_target(**target), ScriptedFetcher(list(answers)))


def with_config(target: Target, **changes: Any) -> Target:
    return replace(target, config=replace(target.config, **changes))
