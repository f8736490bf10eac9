from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from manual_clock import ManualClock
from recording_store import STALE, RecordingStore
from scraping import START_MS, ScriptedFetcher, make_resources

from monitor.config.config import Config, GlobalConfig
from monitor.config.scrape_config import (
    HttpClientConfig,
    RelabelAction,
    RelabelRule,
    ScrapeConfig,
    ScrapeLimits,
    StaticGroup,
)
from monitor.config.settings import Limits
from monitor.model.labels import Labels
from monitor.scrape.discovery.job_discovery import Discovery
from monitor.scrape.discovery.static import StaticDiscovery
from monitor.scrape.fetching.fetch import FetchRequest
from monitor.scrape.scrape_manager import DISCOVERY_RETRY_SECONDS, ScrapeManager
from monitor.scrape.target_status import TargetHealth, TargetStatus

INTERVAL_MS = 1000


@dataclass(slots=True)
class Groups:
    """A discovery whose groups the test changes."""

    queue: asyncio.Queue[tuple[StaticGroup, ...]] = field(default_factory=asyncio.Queue)

    def find(self, *addresses: str, **labels: str) -> None:
        self.queue.put_nowait((StaticGroup(addresses, Labels(labels)),))

    async def updates(self) -> AsyncIterator[tuple[StaticGroup, ...]]:
        while True:
            yield await self.queue.get()


class Scene:
    """A manager with scripted servers, a manual clock and a store that remembers."""

    def __init__(self) -> None:
        self.store = RecordingStore()
        self.clock = ManualClock(START_MS)
        self.resources = make_resources(self.store)
        self.fetchers: dict[str, list[ScriptedFetcher]] = {}
        self.discoveries: dict[str, Sequence[Discovery]] = {}
        self.manager = ScrapeManager(self.resources, self.clock, self._discover, "host", self._connect)

    def _discover(self, config: ScrapeConfig) -> Sequence[Discovery]:
        return self.discoveries.get(config.job_name) or (StaticDiscovery(config.static_configs),)

    def _connect(self, request: FetchRequest, _: Any) -> ScriptedFetcher:
        fetcher = ScriptedFetcher([b"a 1\n"])
        self.fetchers.setdefault(request.url, []).append(fetcher)
        return fetcher

    async def apply(self, *jobs: ScrapeConfig, **config: Any) -> None:
        await self.manager.apply(Config(scrape_configs=jobs, **config))
        await self.advance(0)

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    def active(self) -> list[TargetStatus]:
        return [status for job in self.manager.targets() for status in job.active]

    def urls(self) -> list[str]:
        return sorted(status.target.url for status in self.active())

    def rows(self, url: str) -> list[tuple[int, dict[str, Any]]]:
        """Rows of the target with this URL, with the time since the start."""
        keys = [key for key, rows in self.store.sources.items() if any(url in name for name in _instances(rows))]
        return [(row.timestamp_ms - START_MS, row.cells) for key in keys for row in self.store.sources[key].rows]


def _instances(rows: Any) -> list[str]:
    return [f"http://{labels['instance']}/metrics" for frame in rows.layouts for labels in frame.all_labels()]


def job(name: str, *addresses: str, **settings: Any) -> ScrapeConfig:
    groups = (StaticGroup(addresses),)
    return ScrapeConfig(name, INTERVAL_MS, INTERVAL_MS, static_configs=groups, **settings)


def play(story: Callable[[Scene], Awaitable[None]]) -> Scene:
    async def run() -> Scene:
        scene = Scene()
        try:
            await story(scene)
        finally:
            await scene.manager.close()
        return scene

    return asyncio.run(run())


def test_every_target_is_scraped_once_an_interval() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "b:1"), job("k", "c:1"))
        assert {status.health for status in scene.active()} == {TargetHealth.UNKNOWN}
        await scene.advance(3)
        assert scene.urls() == ["http://a:1/metrics", "http://b:1/metrics", "http://c:1/metrics"]
        assert {status.health for status in scene.active()} == {TargetHealth.UP}

    scene = play(story)
    assert [len(rows.rows) for rows in scene.store.sources.values()] == [3, 3, 3]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"keep_dropped_targets": 5},
        {"relabel_configs": (RelabelRule(RelabelAction.KEEP, ("job",), regex="j"),)},
        {"limits": ScrapeLimits(targets=9)},
    ],
)
def test_targets_that_are_scraped_as_before_do_not_notice_a_reload(change: dict[str, Any]) -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.advance(1.5)
        await scene.apply(replace(job("j", "a:1", "b:1"), **change))
        await scene.advance(1.5)

    scene = play(story)
    (fetcher,) = scene.fetchers["http://a:1/metrics"]
    assert fetcher.fetches == 3
    assert [len(cells) for _, cells in scene.rows("http://a:1/metrics")] == [6, 6, 6]


@pytest.mark.parametrize(
    "change",
    [
        {"honor_labels": True},
        {"metric_relabel_configs": (RelabelRule(RelabelAction.DROP, ("__name__",), regex="x"),)},
        {"http": HttpClientConfig(follow_redirects=False)},
        {"limits": ScrapeLimits(samples=9)},
    ],
)
def test_targets_that_are_scraped_differently_start_anew_and_do_not_end(change: dict[str, Any]) -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.advance(1.5)
        await scene.apply(replace(job("j", "a:1"), **change))
        await scene.advance(3)

    scene = play(story)
    old, new = scene.fetchers["http://a:1/metrics"]
    assert old.is_closed
    assert new.fetches == 3
    assert all(STALE not in cells.values() for _, cells in scene.rows("http://a:1/metrics"))


def test_a_general_limit_that_changes_starts_targets_anew() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.apply(job("j", "a:1"), limits=Limits(target_series=7))

    assert len(play(story).fetchers["http://a:1/metrics"]) == 2


def test_a_target_that_goes_away_ends_at_its_next_tick() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "b:1"))
        await scene.advance(1.5)
        await scene.apply(job("j", "b:1"))
        assert scene.urls() == ["http://b:1/metrics"]
        await scene.advance(3)

    scene = play(story)
    rows = scene.rows("http://a:1/metrics")
    assert [set(cells.values()) == {STALE} for _, cells in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[-1][0] - rows[-2][0] == INTERVAL_MS
    assert scene.fetchers["http://a:1/metrics"][0].is_closed


def test_a_job_that_goes_away_ends_its_targets() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.advance(1.5)
        await scene.apply()
        assert scene.manager.targets() == ()
        await scene.advance(2)

    assert set(play(story).rows("http://a:1/metrics")[-1][1].values()) == {STALE}


def test_a_target_that_comes_back_before_its_end_goes_on() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.advance(1.0)
        await scene.apply(job("j"))
        await scene.apply(job("j", "a:1"))
        await scene.advance(3)

    assert all(STALE not in cells.values() for _, cells in play(story).rows("http://a:1/metrics"))


def test_a_target_whose_labels_another_url_takes_over_does_not_end() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1"))
        await scene.advance(1.5)
        await scene.apply(job("j", "a:1", metrics_path="/other"))
        await scene.advance(3)

    scene = play(story)
    assert all(STALE not in row.cells.values() for rows in scene.store.sources.values() for row in rows.rows)
    assert len(scene.store.sources) == 2


def test_a_shutdown_writes_no_stale_markers() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "b:1"))
        await scene.advance(1.5)
        await scene.apply(job("j", "a:1"))

    scene = play(story)
    assert all(STALE not in row.cells.values() for rows in scene.store.sources.values() for row in rows.rows)
    assert all(fetcher.is_closed for fetchers in scene.fetchers.values() for fetcher in fetchers)


def test_discovery_adds_and_removes_targets_and_shows_what_it_found_out() -> None:
    async def story(scene: Scene) -> None:
        groups = Groups()
        scene.discoveries["j"] = (groups,)
        await scene.apply(job("j"))
        groups.find("a:1", __meta_zone="one")
        await scene.advance(0)
        await scene.advance(2)
        groups.find("a:1", "b:1", __meta_zone="two")
        await scene.advance(0)
        await scene.advance(1)
        assert scene.urls() == ["http://a:1/metrics", "http://b:1/metrics"]
        assert {status.target.discovered_labels["__meta_zone"] for status in scene.active()} == {"two"}

    scene = play(story)
    (fetcher,) = scene.fetchers["http://a:1/metrics"]
    assert fetcher.fetches == 3


def test_dropped_targets_are_shown() -> None:
    rule = RelabelRule(RelabelAction.DROP, ("__address__",), regex="b:.*")

    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "b:1", relabel_configs=(rule,)))
        (targets,) = scene.manager.targets()
        assert [dropped.discovered_labels["__address__"] for dropped in targets.dropped] == ["b:1"]
        assert (targets.job_name, targets.dropped_total, len(targets.active)) == ("j", 1, 1)

    play(story)


def test_over_the_target_limit_no_target_is_fetched() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "b:1", limits=ScrapeLimits(targets=1)))
        await scene.advance(1)
        assert [status.health for status in scene.active()] == [TargetHealth.DOWN] * 2
        assert "target_limit exceeded" in scene.active()[0].last_error
        await scene.apply(job("j", "a:1", limits=ScrapeLimits(targets=1)))
        await scene.advance(1)
        assert [status.health for status in scene.active()] == [TargetHealth.UP]

    scene = play(story)
    assert [fetchers[0].fetches for fetchers in scene.fetchers.values()] == [1, 0]


def test_a_target_without_sense_is_counted_and_others_are_scraped() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(job("j", "a:1", "has/slash"))
        assert scene.urls() == ["http://a:1/metrics"]

    scene = play(story)
    assert scene.resources.metrics.sync_failures.collect()[0].samples[0].value == 1


def test_a_discovery_with_an_error_of_ours_starts_again() -> None:
    class Failing:
        attempts = 0

        async def updates(self) -> AsyncIterator[tuple[StaticGroup, ...]]:
            self.attempts += 1
            if self.attempts == 1:
                raise RuntimeError("a bug")
            yield (StaticGroup(("a:1",)),)

    async def story(scene: Scene) -> None:
        scene.discoveries["j"] = (Failing(),)
        await scene.apply(job("j"))
        assert scene.urls() == []
        await scene.advance(DISCOVERY_RETRY_SECONDS)
        assert scene.urls() == ["http://a:1/metrics"]

    play(story)


def test_servers_with_other_external_labels_scrape_at_other_times() -> None:
    def first_tick(external: str) -> int:
        async def story(scene: Scene) -> None:
            await scene.apply(
                job("j", "a:1"), global_config=GlobalConfig(external_labels=Labels({"replica": external}))
            )
            await scene.advance(1)

        return play(story).rows("http://a:1/metrics")[0][0]

    assert len({first_tick(external) for external in "abcd"}) > 1
