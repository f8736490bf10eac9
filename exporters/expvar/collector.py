"""GC pauses and published variables of Go programs, from their /debug/vars.

`ExpvarCollector` is registered with a prometheus_client registry; its command is `plimsoll exporter expvar`.
Reading the page stops the program for some 10 µs (runtime.ReadMemStats).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.duration_histogram import DurationHistogram
from exporters.errors import InvalidUrl
from exporters.expvar.families import PAUSE_BOUNDS, PageReading, expvar_families
from exporters.expvar.fetch_page import FetchSettings, PageUnavailable, PageUrl, fetch_page
from exporters.expvar.memory_statistics import MemoryStatistics, memory_statistics, new_pauses, pauses_since
from exporters.expvar.shared_call import SharedCall
from exporters.expvar.variables import variables
from exporters.scrape_timeout import time_for_each

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExpvarSettings:
    fetch: FetchSettings = field(default_factory=FetchSettings)
    variables_max: int = 1_000
    key_length_max: int = 200
    parallel_fetches_max: int = 8


class WatchedPage:
    """One URL: what was read last, and the totals. Not for several threads, `unread` excepted."""

    def __init__(self, url: PageUrl, settings: ExpvarSettings, since_ns: int | None) -> None:
        self._url = url
        self._settings = settings
        self._since_ns = since_ns
        self._last: MemoryStatistics | None = None
        self._pauses = DurationHistogram(PAUSE_BOUNDS)
        self._lost = self._lost_ns = self._restarts = 0

    def read(self, timeout_seconds: float | None = None) -> PageReading:
        """Fetches the page, in `timeout_seconds` if that is less than the settings give.

        A page that does not come changes nothing but what the reading lacks.
        """
        fetch = self._settings.fetch
        limit = min(fetch.timeout_seconds, timeout_seconds or fetch.timeout_seconds)
        try:
            page = _page_of(fetch_page(self._url, replace(fetch, timeout_seconds=limit)), self._url)
        except PageUnavailable as error:
            logger.warning("%s", error)
            return self._reading(None, None)
        statistics = memory_statistics(page.get("memstats"))
        if statistics is not None:
            self._add(statistics)
        return self._reading(statistics, page)

    def unread(self) -> PageReading:
        """No reading at all, without the totals: another thread may be adding to them."""
        return PageReading(str(self._url), None, None, None, lost_pauses=0, lost_pause_ns=0, restarts=0)

    def _add(self, statistics: MemoryStatistics) -> None:
        if self._last is None and self._since_ns is not None:
            new = pauses_since(statistics, self._since_ns)
        else:
            new = new_pauses(self._last, statistics)
        self._last = statistics
        self._lost += new.lost
        self._lost_ns += new.lost_ns
        self._restarts += new.is_new_process
        for nanoseconds in new.pauses_ns:
            self._pauses.observe(PAUSE_BOUNDS, nanoseconds)

    def _reading(self, statistics: MemoryStatistics | None, page: dict[str, Any] | None) -> PageReading:
        settings = self._settings
        return PageReading(
            url=str(self._url),
            statistics=statistics,
            variables=None if page is None else variables(page, settings.variables_max, settings.key_length_max),
            pauses=self._pauses if self._last is not None else None,
            lost_pauses=self._lost,
            lost_pause_ns=self._lost_ns,
            restarts=self._restarts,
        )


class ExpvarCollector(Collector):
    """Fetches all pages at every scrape, side by side. A TimedCollector."""

    def __init__(
        self, urls: Sequence[PageUrl], settings: ExpvarSettings = ExpvarSettings(), since_ns: int | None = None
    ) -> None:
        """`since_ns` is the start of this exporter in Unix time: the collections before it were counted by the one
        before, if there was one. If None, all that a program still knows of is counted.

        Raises InvalidUrl if two URLs cannot be told apart by their label.
        """
        if len(set(map(str, urls))) < len(urls):
            raise InvalidUrl("URLs that differ in more than their query")
        self._pages = [WatchedPage(url, settings, since_ns) for url in urls]
        self._parallel = max(1, min(len(urls), settings.parallel_fetches_max))
        self._under_way: SharedCall[list[Metric]] = SharedCall()

    def describe(self) -> Iterable[Metric]:
        """The families that are always there, without values."""
        return expvar_families(())

    def collect(self) -> Iterable[Metric]:
        return self.collect_within(None)

    def collect_within(self, timeout_seconds: float | None) -> Iterable[Metric]:
        """Scrapes at the same time share one reading. One that has less time than that takes has no page."""
        try:
            return self._under_way.get(lambda: self._read_all(timeout_seconds), timeout_seconds)
        except TimeoutError:
            return expvar_families(page.unread() for page in self._pages)

    def _read_all(self, timeout_seconds: float | None) -> list[Metric]:
        limit = time_for_each(timeout_seconds, len(self._pages), self._parallel)
        with ThreadPoolExecutor(self._parallel) as threads:
            return expvar_families(threads.map(lambda page: page.read(limit), self._pages))


def _page_of(body: bytes, url: PageUrl) -> dict[str, Any]:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageUnavailable(f"{url}: {error}") from error
    if not isinstance(page, dict):
        raise PageUnavailable(f"{url}: got no JSON object, want one")
    return page
