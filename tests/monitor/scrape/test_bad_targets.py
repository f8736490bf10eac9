"""What a bad target does to its own scrape, and does not do to others. Real servers, real time, short intervals."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from bad_answers import BAD_ANSWERS, MEBIBYTE, Answer
from little_server import LittleServer, little_server, response
from recording_store import STALE, RecordingStore
from scraping import make_resources

from monitor.clock import SystemClock
from monitor.config.config import Config
from monitor.config.scrape_config import ScrapeConfig, StaticGroup
from monitor.config.settings import Limits
from monitor.errors import ScrapeFailure
from monitor.scrape.discovery.static import StaticDiscovery
from monitor.scrape.scrape_manager import ScrapeManager
from monitor.scrape.target_status import TargetHealth, TargetStatus

INTERVAL_MS = 100
GAP_MAX_MS = 1000
BODY_BYTES_MAX = 2**20
GOOD = response(b"good 1\n")


def job(name: str, server: LittleServer) -> ScrapeConfig:
    address = f"127.0.0.1:{server.port}"
    groups = (StaticGroup((address,)),)
    return ScrapeConfig(name, INTERVAL_MS, INTERVAL_MS, metrics_path=f"/{name}", static_configs=groups)


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  (what is waited for are the server's requests and the store's rows)
            await asyncio.sleep(0.01)


def scrape(answer: Answer, scrapes: int = 2) -> tuple[TargetStatus, list[Any], list[Any]]:
    """A bad target beside a good one: the bad one's status, and the rows of both."""
    store = RecordingStore()

    async def run() -> TargetStatus:
        async with little_server(bad=answer, good=GOOD) as server:
            resources = make_resources(store)
            manager = ScrapeManager(resources, SystemClock(), lambda config: (StaticDiscovery(config.static_configs),))
            limits = Limits(scrape_body_bytes=BODY_BYTES_MAX)
            await manager.apply(Config(scrape_configs=(job("bad", server), job("good", server)), limits=limits))
            await wait_until(lambda: all(len(rows) >= scrapes for rows in (rows_of("bad"), rows_of("good"))))
            status = next(job.active[0] for job in manager.targets() if job.job_name == "bad")
            await manager.close()
            return status

    def rows_of(name: str) -> list[Any]:
        return [
            row
            for rows in store.sources.values()
            for row in rows.rows
            if any(f'job="{name}"' in cell for cell in row.cells)
        ]

    return uvloop.run(run()), rows_of("bad"), rows_of("good")


@pytest.mark.parametrize(("answer", "failure"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_target_fails_with_a_reason_and_others_are_not_disturbed(answer: Answer, failure: ScrapeFailure) -> None:
    status, bad_rows, good_rows = scrape(answer)
    assert (status.health, status.last_failure) == (TargetHealth.DOWN, failure)
    assert status.last_error
    assert {row.report("up") for row in bad_rows} == {0.0}
    assert {row.report("up") for row in good_rows} == {1.0}
    stamps = [row.timestamp_ms for row in good_rows]
    assert all(later - earlier < GAP_MAX_MS for earlier, later in itertools.pairwise(stamps))


def changing(body: Callable[[int], bytes]) -> Answer:
    numbers = itertools.count()

    async def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body(next(numbers))))
        await writer.drain()

    return answer


def churn(number: int) -> bytes:
    return b"".join(b'a{scrape="%d",row="%d"} 1\n' % (number, row) for row in range(200))


def test_a_target_whose_series_are_all_new_each_time_is_scraped() -> None:
    status, rows, _ = scrape(changing(churn), scrapes=4)
    assert status.health is TargetHealth.UP
    assert [row.report("scrape_series_added") for row in rows[:4]] == [200.0] * 4
    assert [len(row.exposed()) for row in rows[:4]] == [200] * 4


def test_a_target_whose_layout_changes_each_time_is_scraped() -> None:
    def body(number: int) -> bytes:
        return b"".join(b"a%d %d\n" % (row, number) for row in range(number % 3 + 1))

    _, rows, _ = scrape(changing(body), scrapes=6)
    values = [list(row.exposed().values()) for row in rows[:6]]
    assert values == [[0], [1, 1], [2, 2, 2], [3], [4, 4], [5, 5, 5]]


def test_a_target_with_a_label_value_of_a_mebibyte_is_scraped() -> None:
    answer = response(b'a{b="' + b"x" * (MEBIBYTE - 100) + b'"} 1\n')
    assert scrape(answer, scrapes=1)[0].health is TargetHealth.UP


def test_a_target_that_repeats_series_is_scraped() -> None:
    status, rows, _ = scrape(response(b"a 1\n" * 50 + b"b 2\n"))
    assert status.health is TargetHealth.UP
    assert list(rows[0].exposed().values()) == [1.0, 2.0]


def test_a_target_that_recovers_is_up_again() -> None:
    def body(number: int) -> bytes:
        return b"a 1\n" if number % 2 == 0 else b"a broken\n"

    _, rows, _ = scrape(changing(body), scrapes=3)
    assert [list(row.exposed().values()) for row in rows[:3]] == [[1.0], [STALE], [1.0]]
