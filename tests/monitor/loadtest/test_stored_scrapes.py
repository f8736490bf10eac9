"""Scrapes as a service has stored them, of a service that is a script of answers."""

from __future__ import annotations

import pytest

from monitor.errors import LoadTestError
from monitor.loadtest.memory_under_load import ScrapedMemory
from monitor.loadtest.stored_scrapes import StoredScrapes
from monitor.model.labels import Labels
from monitor.scrape.exposition.parse_exposition import ExposedSample

INSTANCE = "127.0.0.1:8101"
DURATION = "http_server_request_duration_seconds"


class ScriptedService:
    """Scrapes at each whole second while it is waited for: 40 requests then, and 7 requests at any other time."""

    def __init__(self, up: float = 1.0) -> None:
        self.seconds = 0.5
        self._up = up

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def samples(self, selector: str, at_seconds: float | None) -> list[ExposedSample]:
        if selector.startswith("up{"):
            return [self._sample("up", self._up, second) for second in range(int(self.seconds) + 1)]
        assert at_seconds is not None
        if not selector.startswith("{"):
            value = 5e6 if selector.startswith("process_resident_memory_bytes{") else 0.02
            return [self._sample("", value, second) for second in (3.0, 4.0)]
        late = self._sample(f"{DURATION}_count", 7.0, at_seconds - 0.5)
        names = (f"{DURATION}_count", f"{DURATION}_sum")
        return [late, *(self._sample(name, 40.0, at_seconds) for name in names)]

    def _sample(self, name: str, value: float, at_seconds: float) -> ExposedSample:
        return ExposedSample(Labels({"__name__": name, "instance": INSTANCE}), value, round(at_seconds * 1000))


def test_a_scrape_has_begun_after_it_was_asked_for_and_has_its_own_samples_only() -> None:
    service = ScriptedService()

    scrape = StoredScrapes(service, INSTANCE).next(lambda: None)

    assert service.seconds == pytest.approx(2.0, abs=0.2)
    assert scrape.at_ms == 2000
    assert scrape.exposed.durations is not None
    assert scrape.exposed.durations.count == 40


def test_a_service_whose_scrapes_fail_is_said() -> None:
    with pytest.raises(LoadTestError, match=r"has not scraped 127\.0\.0\.1:8101"):
        StoredScrapes(ScriptedService(up=0.0), INSTANCE).next(lambda: None)


def test_the_memory_of_each_scrape_has_the_time_of_the_scrape() -> None:
    found = StoredScrapes(ScriptedService(), INSTANCE).memory(2000, 4000)

    assert found == (ScrapedMemory(3000, 3020, 5e6), ScrapedMemory(4000, 4020, 5e6))
