"""What a Plimsoll service has stored of a server, scrape by scrape, over its HTTP API."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import RESIDENT_BYTES, ExposedFigures, figures_of
from monitor.loadtest.memory_under_load import ScrapedMemory
from monitor.scrape.exposition.parse_exposition import ExposedSample

# The last scrape of a target that is scraped at all is not older.
_LOOKBACK = "5m"
_SCRAPE_DURATION = "scrape_duration_seconds"


class Service(Protocol):
    """A service that is asked."""

    def samples(self, selector: str, at_seconds: float | None) -> Sequence[ExposedSample]:
        """Every sample, with its timestamp, that a range selector selects now or at a Unix time."""
        ...

    def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredScrape:
    """All that is stored of one scrape. `at_ms` is its timestamp."""

    at_ms: int
    exposed: ExposedFigures


class StoredScrapes:
    """Those of the target `instance`."""

    def __init__(self, service: Service, instance: str, timeout_seconds: float = 15.0) -> None:
        self._service = service
        self._instance = instance
        self._timeout_seconds = timeout_seconds

    def next(self, while_waiting: Callable[[], None]) -> StoredScrape:
        """The first that has begun after this call and succeeded. Raises LoadTestError if there is none.

        `while_waiting` is called ten times a second.
        """
        at_ms = self._next_ms(while_waiting)
        samples = self._service.samples(self._selected("1ms"), at_ms / 1000)
        return StoredScrape(at_ms, figures_of([sample for sample in samples if sample.timestamp_ms == at_ms]))

    def memory(self, first_ms: int, last_ms: int) -> tuple[ScrapedMemory, ...]:
        """Of all scrapes after `first_ms` and until `last_ms`."""
        length = self._selected(f"{last_ms - first_ms}ms")
        durations = {
            sample.timestamp_ms: sample.value
            for sample in self._service.samples(f"{_SCRAPE_DURATION}{length}", last_ms / 1000)
        }
        found = []
        for sample in self._service.samples(f"{RESIDENT_BYTES}{length}", last_ms / 1000):
            at_ms = sample.timestamp_ms or 0
            until_ms = at_ms + math.ceil(durations.get(at_ms, 0.0) * 1000)
            found.append(ScrapedMemory(at_ms, until_ms, sample.value))
        return tuple(found)

    def _next_ms(self, while_waiting: Callable[[], None]) -> int:
        last, waited = self._last_ms(), 0.0
        # The one that may have begun before this call, and the one after it.
        for _ in range(2):
            while (found := self._last_ms()) is None or (last is not None and found <= last):
                if waited > self._timeout_seconds:
                    raise LoadTestError(f"the service has not scraped {self._instance} for {waited:.0f} s")
                while_waiting()
                self._service.wait(0.1)
                waited += 0.1
            last = found
        assert last is not None, "BUG: got no scrape after waiting for one"
        return last

    def _last_ms(self) -> int | None:
        samples = self._service.samples(f"up{self._selected(_LOOKBACK)}", None)
        return max((sample.timestamp_ms or 0 for sample in samples if sample.value == 1), default=None)

    def _selected(self, length: str) -> str:
        return f'{{instance="{self._instance}"}}[{length}]'
