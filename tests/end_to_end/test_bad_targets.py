"""Targets that misbehave, beside one that does not: tests/monitor/scrape/test_bad_targets.py through the program."""

from __future__ import annotations

import itertools
import time

import pytest
from bad_answers import BAD_ANSWERS, MEBIBYTE
from little_server import response
from service_process import running_service, wait_until
from threaded_server import threaded_server

GROWTH_BYTES_MAX = 32 * MEBIBYTE
INTERVAL_MS = 500
JOB = "- {{job_name: {name}, metrics_path: /{path}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
PATHS = {name: name.replace(" ", "-") for name in BAD_ANSWERS}


def config(port: int) -> str:
    jobs = "".join(JOB.format(name=name, path=path, port=port) for name, path in {**PATHS, "good": "good"}.items())
    times = f"scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms"
    return f"global: {{{times}, body_size_limit: 1MB}}\nscrape_configs:\n{jobs}"


@pytest.fixture(scope="module")
def beset(tmp_path_factory):
    """A service that has scraped all of the bad targets a few times."""
    answers = {PATHS[name]: answer for name, (answer, _) in BAD_ANSWERS.items()}
    with (
        threaded_server(good=response(b"good 1\n"), **answers) as server,
        running_service(tmp_path_factory.mktemp("service"), config(server.port)) as service,
    ):
        wait_until(lambda: (service.value("min(count_over_time(up[1m]))") or 0) > 3)
        yield service


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_its_scrape_fails_with_a_reason(beset, name):
    target = beset.targets()[name]
    assert (target["health"], beset.value(f"up{{job='{name}'}}")) == ("down", 0)
    assert target["lastError"]
    assert f"{target['scrapeUrl']} is down: " in beset.log()


@pytest.mark.parametrize("reason", sorted({failure.value for _, failure in BAD_ANSWERS.values()}))
def test_failures_are_counted_by_reason(beset, reason):
    assert beset.metric(f'plimsoll_scrape_failures_total{{reason="{reason}"}}') > 0


def test_the_healthy_target_is_not_disturbed(beset):
    now = time.time()
    (series,) = beset.client.get("query", query="up{job='good'}[1m]", time=str(now)).data["result"]
    assert {value for _, value in series["values"]} == {"1"}
    times = [at for at, _ in series["values"]]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 2 * INTERVAL_MS / 1000


def test_endless_bodies_and_gzip_bombs_do_not_fill_the_memory(beset):
    before = beset.resident_bytes()
    scrapes = beset.metric("plimsoll_scrapes_total")
    wait_until(lambda: beset.metric("plimsoll_scrapes_total") > scrapes + 3 * len(BAD_ANSWERS))
    assert beset.resident_bytes() - before < GROWTH_BYTES_MAX
    assert beset.peak_resident_bytes() - before < 2 * GROWTH_BYTES_MAX


def test_the_service_goes_on_without_an_error_of_its_own(beset):
    assert beset.metric("plimsoll_scrape_loop_errors_total") == 0
    assert "Traceback" not in beset.log()
