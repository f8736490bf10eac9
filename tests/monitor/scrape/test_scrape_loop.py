from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from recording_store import ABSENT, STALE, Row
from scraping import START_MS, TEXT, Scraping, scraping

from monitor.config.scrape_config import RelabelAction, RelabelRule, ScrapeLimits, ScrapeProtocol
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.fetch import FetchResponse
from monitor.scrape.scrape_loop import ScrapeLoop
from monitor.scrape.target_status import TargetHealth

LABELS = '{instance="i", job="j"}'
TIMED_OUT = ScrapeError(ScrapeFailure.TIMEOUT, "no answer")
DROP_B = RelabelRule(RelabelAction.DROP, ("__name__",), regex="b")


def run(setting: Scraping, story: Callable[[ScrapeLoop], Awaitable[None]]) -> ScrapeLoop:
    """Lets a loop run while the story happens; returns it when it has been stopped."""

    async def play() -> ScrapeLoop:
        loop = setting.loop()
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(0)
        try:
            await story(loop)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return loop

    return asyncio.run(play())


def scrape(setting: Scraping, times: int = 1) -> list[Row]:
    """The rows of the first scrapes, one a second."""

    async def story(_: ScrapeLoop) -> None:
        await setting.clock.advance(times)

    run(setting, story)
    return setting.store.only.rows


def test_a_scrape_is_one_row_of_samples_and_reports() -> None:
    (row,) = scrape(scraping(b"a 1\nb 2\n"))
    assert row.timestamp_ms == START_MS + 1000
    assert row.cells == {
        f"a{LABELS}": 1.0,
        f"b{LABELS}": 2.0,
        f"up{LABELS}": 1.0,
        f"scrape_duration_seconds{LABELS}": 0.0,
        f"scrape_samples_scraped{LABELS}": 2.0,
        f"scrape_samples_post_metric_relabeling{LABELS}": 2.0,
        f"scrape_series_added{LABELS}": 2.0,
    }


def test_scrapes_follow_the_schedule() -> None:
    rows = scrape(scraping(b"a 1\n"), times=3)
    assert [row.timestamp_ms - START_MS for row in rows] == [1000, 2000, 3000]
    assert [row.report("scrape_series_added") for row in rows] == [1.0, 0.0, 0.0]


def test_the_same_series_keep_the_same_layout() -> None:
    setting = scraping(b"a 1\nb 2\n", b"a 3\nb 4\n")
    assert [list(row.exposed().values()) for row in scrape(setting, times=2)] == [[1.0, 2.0], [3.0, 4.0]]
    assert len(setting.store.only.layouts) == 1


def test_other_series_are_another_layout() -> None:
    setting = scraping(b"a 1\nb 2\n", b"b 3\nc 4\n", b"a 5\nb 6\n")
    rows = scrape(setting, times=3)
    assert rows[1].exposed() == {f"b{LABELS}": 3.0, f"c{LABELS}": 4.0}
    assert rows[1].report("scrape_series_added") == 1.0
    assert rows[2].exposed() == {f"a{LABELS}": 5.0, f"b{LABELS}": 6.0}
    assert rows[2].report("scrape_series_added") == 1.0


def test_a_failed_scrape_ends_the_series_once_and_says_why() -> None:
    setting = scraping(b"a 1\n", TIMED_OUT, TIMED_OUT, b"a 2\n")
    rows = scrape(setting, times=4)
    assert [row.exposed()[f"a{LABELS}"] for row in rows] == [1.0, STALE, ABSENT, 2.0]
    assert [row.report("up") for row in rows] == [1.0, 0.0, 0.0, 1.0]
    assert [row.report("scrape_samples_scraped") for row in rows] == [1.0, 0.0, 0.0, 1.0]
    assert rows[3].report("scrape_series_added") == 0.0


def test_a_target_that_was_never_up_reports_only_that() -> None:
    rows = scrape(scraping(TIMED_OUT, b"a 1\n"), times=2)
    assert rows[0].exposed() == {}
    assert rows[0].report("up") == 0.0
    assert rows[1].exposed() == {f"a{LABELS}": 1.0}


@pytest.mark.parametrize(
    ("answer", "failure", "message"),
    [
        (TIMED_OUT, ScrapeFailure.TIMEOUT, "no answer"),
        (
            FetchResponse(503, "Unavailable", TEXT, b""),
            ScrapeFailure.STATUS,
            "server returned HTTP status 503 Unavailable",
        ),
        (FetchResponse(200, "OK", "text/html", b"<p>"), ScrapeFailure.CONTENT_TYPE, "got content type 'text/html'"),
        (b"a 1\nb x\n", ScrapeFailure.PARSE, "line 2: got value 'x'"),
    ],
)
def test_the_reason_of_a_failure_is_shown(answer: Any, failure: ScrapeFailure, message: str) -> None:
    setting = scraping(answer)

    async def story(_: ScrapeLoop) -> None:
        await setting.clock.advance(1)

    status = run(setting, story).status()
    assert (status.health, status.last_failure) == (TargetHealth.DOWN, failure)
    assert message in status.last_error
    assert status.last_scrape_ms == START_MS + 1000


def test_a_target_is_unknown_then_up_and_its_metadata_are_there() -> None:
    setting = scraping(b"# HELP a text\na 1\n")
    seen = []

    async def story(loop: ScrapeLoop) -> None:
        seen.append(loop.status())
        await setting.clock.advance(1)
        seen.append(loop.status())

    run(setting, story)
    assert [status.health for status in seen] == [TargetHealth.UNKNOWN, TargetHealth.UP]
    assert [family.help for family in seen[1].metadata] == ["text"]
    assert (seen[1].last_samples, seen[1].last_error) == (1, "")


def test_a_malformed_body_counts_the_samples_before_the_fault() -> None:
    (row,) = scrape(scraping(b"a 1\nb 2\nc x\n"))
    assert (row.report("up"), row.report("scrape_samples_scraped")) == (0.0, 2.0)


def test_an_empty_body_is_a_good_scrape_whatever_its_type() -> None:
    rows = scrape(scraping(b"a 1\n", FetchResponse(200, "OK", "", b"")), times=2)
    assert (rows[1].report("up"), rows[1].exposed()) == (1.0, {})


def test_a_body_without_a_type_is_read_as_the_fallback_says() -> None:
    answer = FetchResponse(200, "OK", "", b"a 1\n# EOF\n")
    (row,) = scrape(scraping(answer, fallback_scrape_protocol=ScrapeProtocol.OPENMETRICS_1_0_0))
    assert row.report("up") == 1.0


def test_over_the_sample_limit_the_scrape_fails_and_tells_how_many_there_were() -> None:
    setting = scraping(
        b"a 1\n", b"a 1\nb 2\nc 3\n", b"a 4\n", limits=ScrapeLimits(samples=1), metric_relabel_configs=(DROP_B,)
    )
    rows = scrape(setting, times=3)
    assert [row.report("up") for row in rows] == [1.0, 0.0, 1.0]
    assert rows[1].report("scrape_samples_scraped") == 3.0
    assert rows[1].report("scrape_samples_post_metric_relabeling") == 2.0
    assert rows[1].exposed() == {f"a{LABELS}": STALE}
    assert rows[2].exposed() == {f"a{LABELS}": 4.0}
    assert rows[2].report("scrape_series_added") == 0.0


def test_over_a_label_limit_every_scrape_fails_until_the_labels_are_gone() -> None:
    setting = scraping(b'a{b="c"} 1\n', b'a{b="c"} 2\n', b"a 3\n", limits=ScrapeLimits(labels=3))
    rows = scrape(setting, times=3)
    assert [row.report("up") for row in rows] == [0.0, 0.0, 1.0]
    assert [row.report("scrape_samples_scraped") for row in rows] == [1.0, 1.0, 1.0]


def test_over_the_series_limit_known_series_keep_flowing() -> None:
    setting = scraping(b"a 1\nb 2\n", b"new 0\na 3\nb 4\n", limits=ScrapeLimits(series=2))
    rows = scrape(setting, times=2)
    assert rows[1].exposed() == {f"a{LABELS}": 3.0, f"b{LABELS}": 4.0}
    assert rows[1].report("up") == 1.0


def test_a_body_of_far_too_many_lines_is_not_even_looked_at() -> None:
    setting = scraping(b"\n" * 20_000, limits=ScrapeLimits(series=10))
    (row,) = scrape(setting)
    assert row.report("up") == 0.0


def test_dropped_series_are_scraped_but_not_kept() -> None:
    rows = scrape(scraping(b"a 1\nb 2\n", b"a 3\nb 4\n", metric_relabel_configs=(DROP_B,)), times=2)
    assert [row.exposed() for row in rows] == [{f"a{LABELS}": 1.0}, {f"a{LABELS}": 3.0}]
    assert rows[0].report("scrape_samples_scraped") == 2.0
    assert rows[0].report("scrape_samples_post_metric_relabeling") == 1.0


def test_extra_reports_are_written_where_they_are_wanted() -> None:
    too_large = ScrapeError(ScrapeFailure.BODY_SIZE, "too large")
    limits = ScrapeLimits(samples=7)
    rows = scrape(scraping(b"a 1\n", too_large, TIMED_OUT, extra_scrape_metrics=True, limits=limits), times=3)
    assert [row.report("scrape_body_size_bytes") for row in rows] == [4.0, -1.0, 0.0]
    assert (rows[0].report("scrape_timeout_seconds"), rows[0].report("scrape_sample_limit")) == (1.0, 7.0)


def test_samples_with_timestamps_go_their_own_way() -> None:
    body = f"a 1\nb 2 {START_MS}\nc 3 {START_MS}\n".encode()
    setting = scraping(body)
    (row,) = scrape(setting)
    assert row.exposed() == {f"a{LABELS}": 1.0}
    assert setting.store.appended == [
        (f"{setting.target.key}/stamped/0", START_MS, {f"b{LABELS}": 2.0, f"c{LABELS}": 3.0})
    ]


@pytest.mark.parametrize("tracked", [False, True])
def test_series_with_timestamps_end_only_where_that_is_tracked(tracked: bool) -> None:
    def body(names: str) -> bytes:
        return "".join(f"{name} 1 {START_MS}\n" for name in names).encode()

    setting = scraping(body("ab"), body("a"), TIMED_OUT, TIMED_OUT, track_timestamps_staleness=tracked)
    scrape(setting, times=4)
    stale = [(stamp - START_MS, cells) for _, stamp, cells in setting.store.appended if STALE in cells.values()]
    assert stale == ([(2000, {f"b{LABELS}": STALE}), (3000, {f"a{LABELS}": STALE})] if tracked else [])


def test_a_repeated_series_counts_once_and_the_scrape_is_good() -> None:
    setting = scraping(b"a 1\na 2\nb 3\n")
    (row,) = scrape(setting)
    assert row.exposed() == {f"a{LABELS}": 1.0, f"b{LABELS}": 3.0}
    assert row.report("scrape_samples_post_metric_relabeling") == 3.0


def test_a_slow_scrape_skips_ticks_and_is_measured() -> None:
    setting = scraping(b"a 0\n")

    async def answer_slowly() -> bytes:
        await setting.clock.sleep(2.5)
        return b"a 1\n"

    setting.fetcher.answers = [answer_slowly, b"a 2\n"]
    rows = scrape(setting, times=5)
    assert [row.timestamp_ms - START_MS for row in rows] == [1000, 4000, 5000]
    assert rows[0].report("scrape_duration_seconds") == 2.5


def test_a_refused_target_is_not_fetched() -> None:
    setting = scraping(b"a 1\n")

    async def story(loop: ScrapeLoop) -> None:
        loop.refusal = "target_limit exceeded"
        await setting.clock.advance(1)
        assert loop.status().last_error == "target_limit exceeded"

    run(setting, story)
    assert setting.fetcher.fetches == 0
    assert setting.store.only.rows[0].report("up") == 0.0


def test_a_store_that_takes_nothing_does_not_stop_scraping() -> None:
    setting = scraping(b"a 1\n")
    setting.store.open_source(setting.target.key).is_full = True

    async def story(_: ScrapeLoop) -> None:
        await setting.clock.advance(1)
        setting.store.only.is_full = False
        await setting.clock.advance(1)

    run(setting, story)
    assert [row.timestamp_ms - START_MS for row in setting.store.only.rows] == [2000]


def test_an_error_of_ours_does_not_stop_scraping() -> None:
    setting = scraping(RuntimeError("a bug"), b"a 1\n")
    assert [row.report("up") for row in scrape(setting, times=2)] == [1.0]


def test_the_end_is_a_stale_marker_for_everything_at_the_next_tick() -> None:
    setting = scraping(b"a 1\n")

    async def story(loop: ScrapeLoop) -> None:
        await setting.clock.advance(1.25)
        ending = asyncio.create_task(loop.end())
        await asyncio.sleep(0)
        await setting.clock.advance(0.74)
        assert not ending.done()
        await setting.clock.advance(0.02)
        await ending

    run(setting, story)
    last = setting.store.only.rows[-1]
    assert last.timestamp_ms == START_MS + 2000
    assert set(last.cells.values()) == {STALE}


def test_the_end_of_a_target_that_was_never_scraped_is_silent() -> None:
    setting = scraping(b"a 1\n")

    async def story(loop: ScrapeLoop) -> None:
        ending = asyncio.create_task(loop.end())
        await setting.clock.advance(0.5)
        ending.cancel()

    run(setting, story)
    assert setting.store.only.rows == []


def test_a_large_new_layout_is_worked_out_beside_the_loop() -> None:
    body = b"".join(b'series{number="%d"} %d\n' % (number, number) for number in range(30_000))
    setting = scraping(body)
    setting.series_max = 100_000

    async def story(loop: ScrapeLoop) -> None:
        await setting.clock.advance(1)
        await setting.clock.wait_for_sleeper()
        assert loop.status().health is TargetHealth.UP

    run(setting, story)
    assert setting.store.only.rows[0].report("scrape_samples_scraped") == 30_000


@pytest.mark.parametrize("body", [b"a 1\nb NaN\n", b"a broken\n"])
def test_a_scrape_leaves_no_garbage_for_the_cycle_collector(body: bytes) -> None:
    setting = scraping(body)
    garbage = []

    async def story(_: ScrapeLoop) -> None:
        await setting.clock.advance(2)
        gc.collect()
        gc.disable()
        await setting.clock.advance(50)
        garbage.append(gc.collect())

    try:
        run(setting, story)
    finally:
        gc.enable()
    assert garbage == [0]


def test_the_service_counts_what_its_scrapes_gave() -> None:
    body = b"a 1\na 2\nb 3\nfar 1 9999999999999\n"
    setting = scraping(body, TIMED_OUT, body, limits=ScrapeLimits(series=2))
    scrape(setting, times=4)
    counted = {
        name: setting.metric(name)
        for name in (
            "scrapes",
            "scrape_samples",
            "scrape_duplicate_samples",
            "scrape_layout_changes",
            "scrape_series_dropped",
        )
    }
    assert counted == {
        "scrapes": 4.0,
        "scrape_samples": 12.0,
        "scrape_duplicate_samples": 3.0,
        "scrape_layout_changes": 1.0,
        "scrape_series_dropped": 1.0,
    }
    assert setting.metric("scrape_failures", reason="timeout") == 1.0


def test_the_service_counts_ticks_left_out_and_samples_too_far_ahead() -> None:
    setting = scraping(b"")

    async def answer_slowly() -> bytes:
        await setting.clock.sleep(2.5)
        return b"far 1 9999999999999\n"

    setting.fetcher.answers = [answer_slowly]
    scrape(setting, times=4)
    assert setting.metric("scrape_skipped_ticks") == 2.0
    assert setting.metric("scrape_samples_too_far_ahead") == 1.0
    assert setting.store.appended == []
