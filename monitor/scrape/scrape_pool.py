"""The loops of one job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from monitor.clock import Clock
from monitor.config.scrape_config import ScrapeConfig
from monitor.scrape.discovery.build_targets import TargetSet
from monitor.scrape.endings import TargetEndings
from monitor.scrape.fetching.fetch import Fetcher, FetchRequest, fetch_request
from monitor.scrape.fetching.fetchers import new_fetcher
from monitor.scrape.fetching.full_client import FullClient
from monitor.scrape.scrape_loop import ScrapeLoop
from monitor.scrape.scrape_schedule import ScrapeSchedule
from monitor.scrape.target import Target
from monitor.scrape.target_rows import ScrapeResources, TargetLimits, TargetRows
from monitor.scrape.target_status import JobTargets

logger = logging.getLogger(__name__)

Connect = Callable[[FetchRequest, FullClient], Fetcher]
NO_TARGETS = TargetSet((), (), 0, (), "")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """All that decides how a job's targets are scraped. `seed` moves its ticks: servers that scrape the same differ."""

    config: ScrapeConfig
    limits: TargetLimits
    seed: int = 0

    def scrapes_like(self, other: JobSettings) -> bool:
        """Whether a target found under both need not notice the change. How it is found does not matter."""
        return self.limits == other.limits and _without_discovery(self.config) == _without_discovery(other.config)


def _without_discovery(config: ScrapeConfig) -> ScrapeConfig:
    return replace(
        config,
        static_configs=(),
        file_sd_configs=(),
        relabel_configs=(),
        keep_dropped_targets=0,
        limits=replace(config.limits, targets=0),
    )


@dataclass(frozen=True, slots=True)
class _Running:
    loop: ScrapeLoop
    task: asyncio.Task[None]


class ScrapePool:
    """Starts and stops loops so that they are those of the newest target set."""

    def __init__(
        self,
        settings: JobSettings,
        resources: ScrapeResources,
        endings: TargetEndings,
        clock: Clock,
        connect: Connect = new_fetcher,
    ) -> None:
        self._settings = settings
        self._resources = resources
        self._endings = endings
        self._clock = clock
        self._connect = connect
        self._client = FullClient(settings.config.http)
        self._running: dict[str, _Running] = {}
        self._targets = NO_TARGETS

    async def sync(self, settings: JobSettings, targets: TargetSet) -> None:
        """Scrapes `targets` from now on. One that was scraped the same way before goes on undisturbed, with its
        connection, layout and schedule; what was found out about it anew is shown."""
        clients = [self._client]
        is_alike = settings.scrapes_like(self._settings)
        if settings.config.http != self._settings.config.http:
            self._client = FullClient(settings.config.http)
        self._settings, self._targets = settings, targets
        wanted = {target.key: target for target in targets.targets}
        stopped = [self._stop(key) for key in tuple(self._running) if key not in wanted]
        for target in wanted.values():
            self._run(target, is_alike)
        for loop in stopped:
            self._endings.target_stopped(loop)
        for running in self._running.values():
            running.loop.refusal = targets.limit_error
        self._note_failures(targets)
        for client in clients:
            if client is not self._client:
                await client.close()

    def status(self) -> JobTargets:
        """All targets now, those that relabelling dropped included."""
        active = tuple(running.loop.status() for running in self._running.values())
        return JobTargets(self._settings.config.job_name, active, self._targets.dropped, self._targets.dropped_total)

    async def remove(self) -> None:
        """Stops scraping because the job is gone: its series end."""
        await self.sync(self._settings, NO_TARGETS)
        await self._client.close()

    async def close(self) -> None:
        """Stops scraping because the service stops: nothing is written."""
        tasks = [running.task for running in self._running.values()]
        for key in tuple(self._running):
            self._stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    def _run(self, target: Target, is_alike: bool) -> None:
        running = self._running.get(target.key)
        if running is not None and is_alike and _has_timing_of(running.loop.target, target):
            running.loop.target = target
            return
        if running is not None:
            self._stop(target.key)
        else:
            self._endings.target_started(target.labels)
        loop = self._new_loop(target)
        task = asyncio.create_task(loop.run(), name=f"scrape {target.url}")
        self._running[target.key] = _Running(loop, task)
        self._resources.metrics.targets.inc()

    def _stop(self, key: str) -> ScrapeLoop:
        running = self._running.pop(key)
        running.task.cancel()
        running.loop.close()
        self._resources.metrics.targets.dec()
        return running.loop

    def _new_loop(self, target: Target) -> ScrapeLoop:
        settings = self._settings
        return ScrapeLoop(
            target,
            self._connect(fetch_request(target, settings.limits.body_bytes_max), self._client),
            TargetRows(target, self._resources, settings.limits),
            ScrapeSchedule.of(target.key, target.scrape_interval_ms, settings.seed),
            self._clock,
            self._resources.metrics,
        )

    def _note_failures(self, targets: TargetSet) -> None:
        if targets.failures:
            self._resources.metrics.sync_failures.inc(len(targets.failures))
        for failure in targets.failures:
            logger.error("Job %s: %s", self._settings.config.job_name, failure)
        if targets.limit_error:
            logger.error("Job %s: %s", self._settings.config.job_name, targets.limit_error)


def _has_timing_of(first: Target, second: Target) -> bool:
    return (first.scrape_interval_ms, first.scrape_timeout_ms) == (second.scrape_interval_ms, second.scrape_timeout_ms)
