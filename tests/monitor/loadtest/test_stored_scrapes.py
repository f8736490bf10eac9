"""Scrapes as a service has stored them, of a service that is a script of answers."""

from __future__ import annotations

import math

import pytest

from monitor.errors import LoadTestError
from monitor.loadtest.memory_under_load import ScrapedMemory
from monitor.loadtest.stored_scrapes import StoredScrapes
from monitor.model.labels import Labels
from monitor.scrape.exposition.parse_exposition import ExposedSample

INSTANCE = "127.0.0.1:8101"
DURATION = "http_server_request_duration_seconds"


class ScriptedService:
    """Scrapes at each whole interval while it is waited for: 40 requests then, and 7 requests at any other time.

    `failed_seconds` are those of scrapes that failed.
    """

    def __init__(self, up: float = 1.0, interval_seconds: int = 1, failed_seconds: tuple[int, ...] = ()) -> None:
        self.started = self.seconds = 2 * interval_seconds + 0.5
        self._up = up
        self._interval_seconds = interval_seconds
        self._failed_seconds = failed_seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def samples(self, selector: str, at_seconds: float | None) -> list[ExposedSample]:
        if selector.startswith("up{"):
            last = self.seconds if at_seconds is None else at_seconds
            first = last - _length_seconds(selector)
            seconds = (each for each in range(0, int(last) + 1, self._interval_seconds) if each > first)
            return [self._sample("up", 0.0 if each in self._failed_seconds else self._up, each) for each in seconds]
        assert at_seconds is not None
        if not selector.startswith("{"):
            value = 5e6 if selector.startswith("process_resident_memory_bytes{") else 0.02
            return [self._sample("", value, second) for second in (3.0, 4.0)]
        late = self._sample(f"{DURATION}_count", 7.0, at_seconds - 0.5)
        names = (f"{DURATION}_count", f"{DURATION}_sum")
        return [late, *(self._sample(name, 40.0, at_seconds) for name in names)]

    def _sample(self, name: str, value: float, at_seconds: float) -> ExposedSample:
        return ExposedSample(Labels({"__name__": name, "instance": INSTANCE}), value, round(at_seconds * 1000))


def _length_seconds(selector: str) -> float:
    length = selector.rpartition("[")[2]
    return float(length.removesuffix("ms]")) / 1000 if length.endswith("ms]") else math.inf


def test_a_scrape_has_begun_after_it_was_asked_for_and_has_its_own_samples_only() -> None:
    service = ScriptedService()

    scrape = StoredScrapes(service, INSTANCE).next(lambda: None)

    assert service.seconds == pytest.approx(4.0, abs=0.2)
    assert scrape.at_ms == 4000
    assert scrape.exposed.durations is not None
    assert scrape.exposed.durations.count == 40


def test_a_service_whose_scrapes_fail_is_said() -> None:
    service = ScriptedService(up=0.0)

    with pytest.raises(LoadTestError, match=r"has not scraped 127\.0\.0\.1:8101 successfully for 15 s"):
        StoredScrapes(service, INSTANCE).next(lambda: None)

    assert service.seconds - service.started == pytest.approx(15.0, abs=0.2)


@pytest.mark.parametrize("interval_seconds", [10, 60])
def test_a_job_that_is_scraped_seldom_is_waited_for(interval_seconds: int) -> None:
    scrape = StoredScrapes(ScriptedService(interval_seconds=interval_seconds), INSTANCE).next(lambda: None)

    assert scrape.at_ms == 4 * interval_seconds * 1000


def test_scrapes_that_stop_are_waited_for_twice_as_long_as_from_one_to_the_next() -> None:
    service = ScriptedService(interval_seconds=60, failed_seconds=(180, 240, 300))

    with pytest.raises(LoadTestError, match=r"successfully for 120 s"):
        StoredScrapes(service, INSTANCE).next(lambda: None)


def test_a_scraper_opens_one_connection_after_each_scrape_that_failed() -> None:
    service = ScriptedService(failed_seconds=(2, 3))

    assert StoredScrapes(service, INSTANCE).connections_most(0, 4000, does_server_close=False) == 2


def test_a_scraper_opens_one_connection_for_each_scrape_of_a_server_that_closes_them() -> None:
    assert StoredScrapes(ScriptedService(), INSTANCE).connections_most(1000, 4000, does_server_close=True) == 3


def test_the_memory_of_each_scrape_has_the_time_of_the_scrape() -> None:
    found = StoredScrapes(ScriptedService(), INSTANCE).memory(2000, 4000)

    assert found == (ScrapedMemory(3000, 3020, 5e6), ScrapedMemory(4000, 4020, 5e6))
