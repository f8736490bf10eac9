"""The same window as a Plimsoll service has stored it, which scrapes the server once a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import ACCEPTED, DURATION, RESIDENT_BYTES, SENT_BYTES


class InstantQueries(Protocol):
    """A service that is asked."""

    def value(self, expression: str, at_seconds: float | None) -> float | None:
        """The sum of what an instant query gives, now or at a Unix time; None if it gives nothing."""
        ...

    def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredFigures:
    """Increases between two scrapes while the server was idle: before the run, and after it."""

    requests: float | None
    sent_bytes: float | None
    accepted: float | None
    resident_bytes_max: float | None
    scrapes: int


class ServiceWindow:
    """One window of one target, `instance`, of a service. `begin` and `end` are to be called while it is idle."""

    def __init__(self, service: InstantQueries, instance: str, timeout_seconds: float = 15.0) -> None:
        self._service = service
        self._selector = f'{{instance="{instance}"}}'
        self._instance = instance
        self._timeout_seconds = timeout_seconds
        self._began = 0.0

    def begin(self) -> None:
        """Returns when the server has been scraped after this call. Raises LoadTestError if it is not."""
        self._began = self._next_scrape()

    def end(self) -> StoredFigures:
        """As above."""
        ended = self._next_scrape()
        length = max(round(ended - self._began), 1)
        inside = f"{self._selector}[{length}s]"
        return StoredFigures(
            requests=self._increase(f"{DURATION}_count", ended),
            sent_bytes=self._increase(SENT_BYTES, ended),
            accepted=self._increase(ACCEPTED, ended),
            resident_bytes_max=self._service.value(f"max(max_over_time({RESIDENT_BYTES}{inside}))", ended),
            scrapes=round(self._service.value(f"sum(count_over_time(up{inside}))", ended) or 0),
        )

    def _next_scrape(self) -> float:
        last = self._last_scrape()
        waited = 0.0
        # The one that may have begun before this call, and the one after it.
        for _ in range(2):
            while (found := self._last_scrape()) is None or (last is not None and found <= last):
                if waited > self._timeout_seconds:
                    raise LoadTestError(f"the service has not scraped {self._instance} for {waited:.0f} s")
                self._service.wait(0.1)
                waited += 0.1
            last = found
        assert last is not None, "BUG: got no scrape after waiting for one"
        return last

    def _last_scrape(self) -> float | None:
        # A bare selector: of any other expression timestamp() is the time of the query.
        found = self._service.value(f"max(timestamp(up{self._selector}))", None)
        return None if found is None else round(found, 3)

    def _increase(self, name: str, ended: float) -> float | None:
        first = self._service.value(f"sum({name}{self._selector})", self._began)
        last = self._service.value(f"sum({name}{self._selector})", ended)
        return None if last is None else last - (first or 0.0)
