from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from exporters.scrape_timeout import scrape_timeout_seconds, time_for_each, timed_application


class CountingCollector:
    """How often it was collected is what it gives."""

    def __init__(self) -> None:
        self.collected = 0

    def collect_within(self, timeout_seconds: float | None) -> Iterable[Metric]:
        self.collected += 1
        return [GaugeMetricFamily("collected", "", self.collected), GaugeMetricFamily("seconds", "", timeout_seconds)]


def answer(collector: CountingCollector, **environ: str) -> list[str]:
    """The values of its lines that are no comments."""
    request: dict[str, Any] = {"PATH_INFO": "/metrics", "HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS": "10", **environ}
    setup_testing_defaults(request)
    body = b"".join(timed_application(collector)(request, lambda status, headers: lambda data: None))
    return [line for line in body.decode().splitlines() if not line.startswith("#")]


def test_an_answer_is_collected_once_in_the_time_of_the_scrape() -> None:
    collector = CountingCollector()

    assert answer(collector) == ["collected 1.0", "seconds 9.5"]
    assert answer(collector, QUERY_STRING="name[]=collected") == ["collected 2.0"]


@pytest.mark.parametrize(
    "needless", [{"REQUEST_METHOD": "OPTIONS"}, {"REQUEST_METHOD": "POST"}, {"PATH_INFO": "/favicon.ico"}]
)
def test_what_needs_no_metrics_collects_none(needless: dict[str, str]) -> None:
    collector = CountingCollector()
    answer(collector, **needless)

    assert collector.collected == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("10", 9.5), ("0.4", 0.2), ("", None), ("soon", None), ("nan", None), ("0", None), ("-1", None), ("1e9", None)],
)
def test_a_scrape_keeps_some_of_its_time_for_itself(header: str, seconds: float | None) -> None:
    assert scrape_timeout_seconds({"HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS": header}) == seconds


@pytest.mark.parametrize(("count", "seconds"), [(0, 9.0), (1, 9.0), (64, 9.0), (65, 4.5), (192, 3.0)])
def test_those_that_wait_for_their_turn_have_time_left(count: int, seconds: float) -> None:
    assert time_for_each(9.0, count, side_by_side=64) == seconds


def test_a_scraper_that_does_not_say_its_time_limits_nothing() -> None:
    assert time_for_each(None, 1, side_by_side=64) is None
