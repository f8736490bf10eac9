"""Targets, and all that a scrape loop needs, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from manual_clock import ManualClock
from prometheus_client import CollectorRegistry
from recording_store import RecordingStore

from monitor.config.scrape_config import ScrapeConfig
from monitor.model.labels import Labels
from monitor.scrape.fetching.fetch import FetchResponse
from monitor.scrape.scrape_loop import ScrapeLoop
from monitor.scrape.scrape_schedule import ScrapeSchedule
from monitor.scrape.target import Target, target_key
from monitor.scrape.target_rows import ScrapeResources, TargetLimits, TargetRows, new_scrape_resources

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


def make_resources(store: RecordingStore, registry: CollectorRegistry | None = None) -> ScrapeResources:
    return new_scrape_resources(store, store, registry or CollectorRegistry())


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
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    series_max: int = 1_000_000

    def loop(self) -> ScrapeLoop:
        resources = make_resources(self.store, self.registry)
        return ScrapeLoop(
            self.target,
            self.fetcher,
            TargetRows(self.target, resources, TargetLimits(2**26, self.series_max)),
            ScrapeSchedule(self.target.scrape_interval_ms, 0),
            self.clock,
            resources.metrics,
        )

    def metric(self, name: str, **labels: str) -> float | None:
        """A counter of the service itself."""
        return self.registry.get_sample_value(f"plimsoll_{name}_total", labels)


def scraping(*answers: bytes | FetchResponse | Exception | Callable[[], Any], **target: Any) -> Scraping:
    return Scraping(make_target(**target), ScriptedFetcher(list(answers)))
