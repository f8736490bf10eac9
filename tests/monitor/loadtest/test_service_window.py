"""The window as a service has stored it, of a service that is a script of answers."""

from __future__ import annotations

import pytest

from monitor.errors import LoadTestError
from monitor.loadtest.service_window import ServiceWindow


class ScriptedService:
    """Scrapes every second while it is waited for. 100 requests have been counted at second 3 and later."""

    def __init__(self, scrapes: bool = True) -> None:
        self.seconds = 0.5
        self._scrapes = scrapes

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def value(self, expression: str, at_seconds: float | None) -> float | None:
        if "timestamp(" in expression:
            return float(int(self.seconds)) if self._scrapes else None
        if "count_over_time" in expression:
            return 4.0
        if at_seconds is None or "sent_bytes" in expression:
            return None
        return 100.0 if at_seconds >= 3 else 40.0


def test_the_increase_is_that_between_two_scrapes_of_an_idle_server() -> None:
    service = ScriptedService()
    window = ServiceWindow(service, "127.0.0.1:8101")

    window.begin()
    assert service.seconds == pytest.approx(2.0, abs=0.2)
    service.seconds += 3
    stored = window.end()

    assert (stored.requests, stored.sent_bytes, stored.scrapes) == (60.0, None, 4)


def test_a_service_that_does_not_scrape_the_server_is_said() -> None:
    with pytest.raises(LoadTestError, match=r"has not scraped 127\.0\.0\.1:8101"):
        ServiceWindow(ScriptedService(scrapes=False), "127.0.0.1:8101").begin()
