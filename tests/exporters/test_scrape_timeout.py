from __future__ import annotations

import pytest

from exporters.scrape_timeout import scrape_timeout_seconds, time_for_each


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
