"""Readings of a server, and what lies between two of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import read_exposition
from monitor.loadtest.figures import Between
from monitor.loadtest.read_target import ProcessFigures, Reading
from monitor.loadtest.window import Window, WindowEnd, window_between, windows_between
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat

GIN = """\
# TYPE go_goroutines gauge
go_goroutines 9
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{code="200",method="GET",route="/",le="0.001"}} {fast}
http_request_duration_seconds_bucket{{code="200",method="GET",route="/",le="+Inf"}} {all}
http_request_duration_seconds_sum{{code="200",method="GET",route="/"}} 2
http_request_duration_seconds_count{{code="200",method="GET",route="/"}} {all}
# TYPE http_requests_total counter
http_requests_total{{code="200",method="GET",route="/"}} {all}
# TYPE server_sent_bytes_total counter
server_sent_bytes_total {sent}
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
"""


def reading(fast: int, count: int, sent: int, cpu_seconds: float = 1.0) -> Reading:
    body = GIN.format(fast=fast, all=count, sent=sent).encode()
    exposed = read_exposition(body, ExpositionFormat.PROMETHEUS_TEXT, read_shipped_vocabularies())
    return Reading(exposed, (ProcessFigures(cpu_seconds, (100, 110)), ProcessFigures(cpu_seconds + 0.01, (100, 120))))


def test_a_servers_own_names_are_understood() -> None:
    exposed = reading(5, 7, 1000).exposed

    assert exposed.runtime == "go"
    assert exposed.by_status == {"200": 7}
    assert exposed.durations is not None
    assert (exposed.durations.count, exposed.durations.buckets[0.001]) == (7, 5)
    assert (exposed.sent_bytes, exposed.accepted, exposed.gc_pauses) == (1000, None, None)


def test_buckets_of_series_with_different_bounds_are_not_added_up() -> None:
    text = GIN.format(fast=5, all=7, sent=0)
    series = [line for line in text.splitlines(keepends=True) if line.startswith("http_request_duration")]
    other = "".join(series).replace('"/"', '"/other"').replace("0.001", "0.002")
    vocabularies = read_shipped_vocabularies()
    mixed = read_exposition("".join((*series, other)).encode(), ExpositionFormat.PROMETHEUS_TEXT, vocabularies)

    assert mixed.durations is not None
    assert (mixed.durations.count, mixed.durations.buckets) == (14, {})


def test_a_window_has_the_increases() -> None:
    window: Window = window_between(reading(5, 7, 1000), reading(50, 107, 9000, cpu_seconds=1.5))

    assert (window.requests, window.sent_bytes, window.by_status) == (100, 8000, {"200": 100})
    assert window.durations.buckets[0.001] == 45
    assert window.proc_cpu_seconds is not None
    assert (window.proc_cpu_seconds.least, window.proc_cpu_seconds.most) == pytest.approx((0.49, 0.51))
    assert window.proc_resident_bytes == Between(100, 120)


def test_a_window_has_the_connections_that_the_reader_has_opened_in_it() -> None:
    before, after = replace(reading(5, 7, 0), reader_connections=1), replace(reading(5, 7, 0), reader_connections=3)

    assert window_between(before, after).reader_connections == 2


def test_a_server_that_has_started_again_gives_no_figures() -> None:
    with pytest.raises(LoadTestError, match="the server has started again"):
        window_between(reading(5, 7, 1000), reading(1, 2, 2000))


def test_what_is_stored_lies_between_two_scrapes_and_what_is_shown_inside_and_around_them() -> None:
    before = WindowEnd(reading(0, 1, 0), reading(0, 2, 0), reading(0, 3, 0), 1000)
    after = WindowEnd(reading(0, 13, 0), reading(0, 14, 0), reading(0, 16, 0), 9000)

    windows = windows_between(before, after)

    assert windows.stored is not None
    assert (windows.inner.requests, windows.stored.requests, windows.outer.requests) == (10, 12, 15)


def test_a_job_without_the_vocabulary_is_said() -> None:
    some, other = (
        reading(0, 1, 0),
        Reading(read_exposition(b"up 1\n", ExpositionFormat.PROMETHEUS_TEXT, ()), ()),
    )

    with pytest.raises(LoadTestError, match="vocabulary: true"):
        windows_between(WindowEnd(some, other, some), WindowEnd(some, other, some))


def test_metrics_without_requests_give_no_figures() -> None:
    bare = read_exposition(b"up 1\n", ExpositionFormat.PROMETHEUS_TEXT, read_shipped_vocabularies())

    with pytest.raises(LoadTestError, match="no histogram of its requests"):
        window_between(Reading(bare, ()), Reading(bare, ()))
