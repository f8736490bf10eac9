"""One target, scraped again and again.

One task for each target for as long as it lives: a task for each scrape would cost 10 us more.
"""

from __future__ import annotations

import logging

from monitor.clock import Clock
from monitor.errors import ScrapeError, ScrapeFailure, StorageError
from monitor.scrape.fetching.fetch import Fetcher
from monitor.scrape.scrape_metrics import ScrapeMetrics
from monitor.scrape.scrape_schedule import ScrapeSchedule
from monitor.scrape.target import Target
from monitor.scrape.target_rows import TargetRows
from monitor.scrape.target_status import TargetHealth, TargetStatus

logger = logging.getLogger(__name__)

LARGE_BODY_BYTES = 512 * 1024
"""From here on a new layout takes so long (100 ms) that other targets would notice."""
_OK = 200


class ScrapeLoop:
    """Fetches a target at every tick of its schedule and stores what came of it.

    `refusal`, if it is not empty, is why the target must not be fetched: its scrapes fail with it.
    """

    __slots__ = (
        "_clock",
        "_fetcher",
        "_health",
        "_last_duration_seconds",
        "_last_error",
        "_last_failure",
        "_last_scrape_ms",
        "_metrics",
        "_rows",
        "_schedule",
        "_timeout_seconds",
        "refusal",
        "target",
    )

    def __init__(
        self,
        target: Target,
        fetcher: Fetcher,
        rows: TargetRows,
        schedule: ScrapeSchedule,
        clock: Clock,
        metrics: ScrapeMetrics,
    ) -> None:
        self.target = target
        self.refusal = ""
        self._fetcher = fetcher
        self._rows = rows
        self._schedule = schedule
        self._clock = clock
        self._metrics = metrics
        self._timeout_seconds = target.scrape_timeout_ms / 1000
        self._health = TargetHealth.UNKNOWN
        self._last_failure: ScrapeFailure | None = None
        self._last_error = ""
        self._last_scrape_ms = 0
        self._last_duration_seconds = 0.0

    async def run(self) -> None:
        """Scrapes until it is cancelled. The last stale markers are for `end` to write."""
        clock, schedule = self._clock, self._schedule
        tick_ms = schedule.next_tick_ms(clock.now_ms())
        while True:
            await clock.sleep((tick_ms - clock.now_ms()) / 1000)
            try:
                await self.scrape(tick_ms)
            except Exception:
                self._metrics.loop_errors.inc()
                logger.exception("Scraping %s went wrong", self.target.url)
            now_ms = clock.now_ms()
            next_tick_ms = schedule.next_tick_ms(now_ms, tick_ms)
            skipped = schedule.ticks_between(tick_ms, next_tick_ms)
            if skipped:
                self._metrics.skipped_ticks.inc(skipped)
            tick_ms = next_tick_ms

    async def scrape(self, tick_ms: int) -> None:
        """One scrape, for the tick at `tick_ms`."""
        clock, rows = self._clock, self._rows
        started_seconds, now_ms = clock.monotonic_seconds(), clock.now_ms()
        timestamp_ms = self._schedule.timestamp_ms(tick_ms, now_ms)
        self._metrics.scrapes.inc()
        error = await self._take_body()
        duration_seconds = clock.monotonic_seconds() - started_seconds
        self._last_scrape_ms = timestamp_ms
        self._last_duration_seconds = duration_seconds
        self._note_outcome(error)
        try:
            if error is None:
                rows.append(timestamp_ms, now_ms, duration_seconds)
            else:
                rows.append_failure(timestamp_ms, duration_seconds, error.failure)
        except StorageError as storage_error:
            self._metrics.append_failures.inc()
            logger.error("The store did not take a scrape of %s: %s", self.target.url, storage_error)

    async def end(self) -> None:
        """Stores stale markers for everything at the tick that would have been next."""
        now_ms = self._clock.now_ms()
        tick_ms = self._schedule.next_tick_ms(now_ms)
        await self._clock.sleep((tick_ms - now_ms) / 1000)
        try:
            self._rows.append_end(tick_ms)
        except StorageError as error:
            self._metrics.append_failures.inc()
            logger.error("The store did not take the end of %s: %s", self.target.url, error)

    def close(self) -> None:
        """Gives up the connection."""
        self._fetcher.close()

    def status(self) -> TargetStatus:
        return TargetStatus(
            target=self.target,
            health=self._health,
            last_error=self._last_error,
            last_failure=self._last_failure,
            last_scrape_ms=self._last_scrape_ms,
            last_duration_seconds=self._last_duration_seconds,
            last_samples=self._rows.samples_scraped,
            metadata=self._rows.metadata,
        )

    async def _take_body(self) -> ScrapeError | None:
        """Fetches and reads; returns why there is nothing to store, if there is not."""
        rows = self._rows
        rows.start()
        try:
            if self.refusal:
                raise ScrapeError(ScrapeFailure.LIMIT, self.refusal)
            response = await self._fetcher.fetch(self._timeout_seconds)
            if response.status != _OK:
                message = f"server returned HTTP status {response.status} {response.reason}".rstrip()
                raise ScrapeError(ScrapeFailure.STATUS, message)
            if len(response.body) <= LARGE_BODY_BYTES:
                rows.read(response.body, response.content_type)
            else:
                await rows.read_beside(response.body, response.content_type)
        except ScrapeError as error:
            return error
        self._metrics.samples.inc(rows.samples_scraped)
        return None

    def _note_outcome(self, error: ScrapeError | None) -> None:
        if error is None:
            self._health, self._last_error, self._last_failure = TargetHealth.UP, "", None
            return
        if self._health is not TargetHealth.DOWN:
            logger.info("%s is down: %s", self.target.url, error)
        self._health, self._last_error, self._last_failure = TargetHealth.DOWN, str(error), error.failure
        self._metrics.failures[error.failure].inc()
