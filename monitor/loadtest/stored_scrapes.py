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
# Two scrapes of a target are not further apart.
_INTERVAL_LOOKBACK = "1h"
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

    def __init__(self, service: Service, instance: str, timeout_seconds_min: float = 15.0) -> None:
        self._service = service
        self._instance = instance
        self._timeout_seconds_min = timeout_seconds_min

    def next(self, while_waiting: Callable[[], None]) -> StoredScrape:
        """The first that has begun after this call and succeeded. Raises LoadTestError if none succeeds for twice the
        time from scrape to scrape.

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

    def connections_most(self, first_ms: int, last_ms: int, does_server_close: bool) -> int:
        """The most that the scraper can have opened after its scrape at `first_ms` and until that at `last_ms`.

        One after each scrape that failed, as its connection is closed; one for each scrape at all if
        `does_server_close` connections that rest.
        """
        ups = self._service.samples(f"up{self._selected(f'{last_ms - first_ms}ms')}", last_ms / 1000)
        return len(ups) if does_server_close else sum(sample.value == 0 for sample in ups)

    def _next_ms(self, while_waiting: Callable[[], None]) -> int:
        # It may have begun before this call, the one after it has not.
        first = self._newer_ms(self._last_ms(), while_waiting)
        return self._newer_ms(first, while_waiting)

    def _newer_ms(self, last: int | None, while_waiting: Callable[[], None]) -> int:
        timeout_seconds, waited = self._timeout_seconds(), 0.0
        while (found := self._last_ms()) is None or (last is not None and found <= last):
            if waited > timeout_seconds:
                raise LoadTestError(f"the service has not scraped {self._instance} successfully for {waited:.0f} s")
            while_waiting()
            self._service.wait(0.1)
            waited += 0.1
        return found

    def _timeout_seconds(self) -> float:
        """Twice the time between the last two scrapes, failed ones too."""
        samples = self._service.samples(f"up{self._selected(_INTERVAL_LOOKBACK)}", None)
        last = sorted(sample.timestamp_ms or 0 for sample in samples)[-2:]
        return max(2 * (last[-1] - last[0]) / 1000, self._timeout_seconds_min) if last else self._timeout_seconds_min

    def _last_ms(self) -> int | None:
        samples = self._service.samples(f"up{self._selected(_LOOKBACK)}", None)
        return max((sample.timestamp_ms or 0 for sample in samples if sample.value == 1), default=None)

    def _selected(self, length: str) -> str:
        return f'{{instance="{self._instance}"}}[{length}]'
