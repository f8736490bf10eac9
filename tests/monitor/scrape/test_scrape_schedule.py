from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scrape.scrape_schedule import GRID_MS, ScrapeSchedule

HOUR_MS = 3_600_000


@given(st.integers(1, HOUR_MS), st.integers(0, 2**64 - 1), st.integers(0, 2**41), st.integers(0, 2**64 - 1))
def test_the_next_tick_is_within_one_interval_and_on_the_schedule(
    interval_ms: int, key: int, now_ms: int, seed: int
) -> None:
    schedule = ScrapeSchedule.of(f"{key:016x}", interval_ms, seed)
    tick_ms = schedule.next_tick_ms(now_ms)
    assert now_ms < tick_ms <= now_ms + interval_ms
    assert (tick_ms - schedule.offset_ms) % interval_ms == 0
    assert schedule.next_tick_ms(tick_ms) == tick_ms + interval_ms


def test_waking_up_early_does_not_repeat_a_tick() -> None:
    schedule = ScrapeSchedule(1000, 0)
    assert schedule.next_tick_ms(now_ms=4_999, last_tick_ms=5_000) == 6_000


def test_a_scrape_that_takes_too_long_skips_ticks() -> None:
    schedule = ScrapeSchedule(1000, 0)
    tick_ms = schedule.next_tick_ms(now_ms=7_500, last_tick_ms=5_000)
    assert tick_ms == 8_000
    assert schedule.ticks_between(5_000, tick_ms) == 2


def test_a_clock_that_is_set_back_does_not_stop_scraping() -> None:
    assert ScrapeSchedule(1000, 0).next_tick_ms(now_ms=1_500, last_tick_ms=900_000) == 2_000


@pytest.mark.parametrize(
    ("interval_ms", "late_ms", "timestamp_ms"),
    [(1000, 0, 5_000), (1000, 2, 5_000), (1000, -1, 5_000), (1000, 3, 5_003), (100, 1, 5_000), (100, 2, 5_002)],
)
def test_a_scrape_almost_on_time_gets_the_time_of_its_tick(interval_ms: int, late_ms: int, timestamp_ms: int) -> None:
    assert ScrapeSchedule(interval_ms, 0).timestamp_ms(5_000, 5_000 + late_ms) == timestamp_ms


def test_targets_are_spread_over_the_interval() -> None:
    offsets = [ScrapeSchedule.of(f"{key * 0x9E3779B97F4A7C15 % 2**64:016x}", 1000).offset_ms for key in range(5000)]
    share_by_tenth = [sum(offset // 100 == tenth for offset in offsets) / len(offsets) for tenth in range(10)]
    assert all(0.07 < share < 0.13 for share in share_by_tenth)
    assert all(offset % GRID_MS == 0 for offset in offsets)


def test_servers_with_different_seeds_scrape_at_different_times() -> None:
    key = "0123456789abcdef"
    assert ScrapeSchedule.of(key, 60_000, 1 << 40).offset_ms != ScrapeSchedule.of(key, 60_000).offset_ms


def test_the_shortest_intervals_have_a_schedule() -> None:
    assert ScrapeSchedule.of("0123456789abcdef", 1).next_tick_ms(10) == 11
