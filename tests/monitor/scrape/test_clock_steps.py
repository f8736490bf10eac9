"""The machine's clock is set while targets are scraped: what was stored stays, and scraping goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from manual_clock import ManualClock
from scraping import START_MS, ScriptedFetcher, make_resources, make_target

from monitor.model.matchers import Matcher, MatchOp
from monitor.scrape.scrape_loop import ScrapeLoop
from monitor.scrape.scrape_schedule import ScrapeSchedule
from monitor.scrape.target_rows import TargetLimits, TargetRows
from monitor.storage.store import Store, StoreSettings

SCRAPES = 5
"""Before the step and after it, one a second; scrape number n gives the value n."""


def scrape_around_a_step(store: Store, clock: ManualClock, step_seconds: int) -> None:
    fetcher = ScriptedFetcher([b"a %d\n" % (number + 1) for number in range(2 * SCRAPES)])
    target = make_target()
    resources = make_resources(store)
    rows = TargetRows(target, resources, TargetLimits(2**26, 1_000))
    loop = ScrapeLoop(target, fetcher, rows, ScrapeSchedule(1_000, 0), clock, resources.metrics)

    async def story() -> None:
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(0)
        await clock.advance(SCRAPES)
        clock.step(step_seconds)
        await clock.advance(SCRAPES)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert fetcher.fetches == 2 * SCRAPES


def stored(store: Store) -> dict[int, float]:
    """The values of `a` by their seconds since the start."""
    with store.reader() as reader:
        selection = reader.select((Matcher("__name__", MatchOp.EQUAL, "a"),), 0, 2**50)
        return {
            (int(time_ms) - START_MS) // 1_000: float(value)
            for stripe in selection.stripes
            for time_ms, value in zip(stripe.timestamps_ms, stripe.values[0], strict=True)
        }


BEFORE = {second: float(second) for second in range(1, SCRAPES + 1)}


@pytest.mark.parametrize(
    ("step_seconds", "after"),
    [
        (3_600, {3_605 + n: 5.0 + n for n in range(1, SCRAPES + 1)}),
        (-3_600, {-3_595 + n: 5.0 + n for n in range(1, SCRAPES + 1)}),
        # The first samples at 3 s to 5 s stay: to whoever has seen them, they were true.
        (-3, {6: 9.0, 7: 10.0}),
    ],
    ids=["an hour ahead", "an hour back", "three scrapes back"],
)
def test_a_clock_that_is_set_loses_no_sample_and_stops_no_scrape(
    tmp_path: Path, step_seconds: int, after: dict[int, float]
) -> None:
    clock = ManualClock(START_MS)
    store = Store(tmp_path, StoreSettings(), clock)
    scrape_around_a_step(store, clock, step_seconds)
    assert stored(store) == BEFORE | after
    store.close()

    reopened = Store(tmp_path, StoreSettings(), clock)
    assert stored(reopened) == BEFORE | after
    reopened.maintenance.run(clock.now_ms() + 10**8)
    assert stored(reopened) == BEFORE | after
    reopened.close()
