"""All scraping of the service: from a configuration to running loops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b

from monitor.clock import Clock
from monitor.config.config import Config
from monitor.config.scrape_config import ScrapeConfig
from monitor.scrape.discovery.build_targets import build_targets
from monitor.scrape.discovery.job_discovery import Discovery, merged_updates
from monitor.scrape.endings import TargetEndings
from monitor.scrape.fetching.fetchers import new_fetcher
from monitor.scrape.scrape_pool import Connect, JobSettings, ScrapePool
from monitor.scrape.target_rows import ScrapeResources, TargetLimits
from monitor.scrape.target_status import JobTargets

logger = logging.getLogger(__name__)

DISCOVERY_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Job:
    settings: JobSettings
    pool: ScrapePool
    discovery: asyncio.Task[None]


class ScrapeManager:
    """Follows the discoveries of each job of the configuration and scrapes what they find.

    `discover` gives the discoveries of a job. `host_name` makes several servers that scrape the same targets do so at
    different times. All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        resources: ScrapeResources,
        clock: Clock,
        discover: Callable[[ScrapeConfig], Sequence[Discovery]],
        host_name: str = "",
        connect: Connect = new_fetcher,
    ) -> None:
        self._resources = resources
        self._clock = clock
        self._discover = discover
        self._host_name = host_name
        self._connect = connect
        self._endings = TargetEndings()
        self._jobs: dict[str, _Job] = {}

    async def apply(self, config: Config) -> None:
        """Makes `config` the one in force; one call at a time. Jobs that are the same as before are not touched; of a
        job that changed, targets that are scraped as before go on undisturbed."""
        before, self._jobs = self._jobs, {}
        for settings in job_settings(config, self._host_name):
            name = settings.config.job_name
            self._jobs[name] = await self._job(settings, before.pop(name, None))
        for job in before.values():
            await _cancel(job.discovery)
            await job.pool.remove()

    def targets(self) -> tuple[JobTargets, ...]:
        """All targets of all jobs, in the order of the configuration."""
        return tuple(job.pool.status() for job in self._jobs.values())

    async def close(self) -> None:
        """Stops everything. No stale markers are written: after a restart the series go on."""
        for job in self._jobs.values():
            await _cancel(job.discovery)
            await job.pool.close()
        await self._endings.close()
        self._jobs.clear()

    async def _job(self, settings: JobSettings, before: _Job | None) -> _Job:
        """The job under new settings, with the pool that it had before."""
        if before is not None and before.settings == settings:
            return before
        if before is None:
            pool = ScrapePool(settings, self._resources, self._endings, self._clock, self._connect)
        else:
            pool = before.pool
            await _cancel(before.discovery)
        discovery = asyncio.create_task(self._follow(settings, pool), name=f"discover {settings.config.job_name}")
        return _Job(settings, pool, discovery)

    async def _follow(self, settings: JobSettings, pool: ScrapePool) -> None:
        """Brings the pool up to date at each discovery; ends if there is nothing more to discover."""
        while True:
            try:
                async with aclosing(merged_updates(self._discover(settings.config))) as updates:
                    async for groups in updates:
                        await pool.sync(settings, build_targets(settings.config, groups))
                return
            except Exception:
                self._resources.metrics.discovery_errors.inc()
                logger.exception("Discovery of job %s failed, it starts again", settings.config.job_name)
            await self._clock.sleep(DISCOVERY_RETRY_SECONDS)


def job_settings(config: Config, host_name: str) -> list[JobSettings]:
    """How each job is scraped."""
    limits = TargetLimits(config.limits.scrape_body_bytes, config.limits.target_series)
    external_labels = str(config.global_config.external_labels)
    seed = int.from_bytes(blake2b(f"{host_name}{external_labels}".encode(), digest_size=8).digest())
    return [JobSettings(scrape_config, limits, seed) for scrape_config in config.scrape_configs]


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
