"""Readings of a server, and what lies between two of them."""

from __future__ import annotations

import pytest

from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import read_exposition
from monitor.loadtest.read_target import ProcessFigures, Reading
from monitor.loadtest.window import Window, window_between
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
    return Reading(exposed, ProcessFigures(cpu_seconds, (100, 110)), ProcessFigures(cpu_seconds + 0.01, (100, 120)))


def test_a_servers_own_names_are_understood() -> None:
    exposed = reading(5, 7, 1000).exposed

    assert exposed.runtime == "go"
    assert exposed.by_status == {"200": 7}
    assert exposed.durations is not None
    assert (exposed.durations.count, exposed.durations.buckets[0.001]) == (7, 5)
    assert (exposed.sent_bytes, exposed.accepted, exposed.gc_pauses) == (1000, None, None)


def test_a_window_has_the_increases() -> None:
    window: Window = window_between(reading(5, 7, 1000), reading(50, 107, 9000, cpu_seconds=1.5))

    assert (window.requests, window.sent_bytes, window.by_status) == (100, 8000, {"200": 100})
    assert window.durations.buckets[0.001] == 45
    assert window.proc_cpu_seconds is not None
    assert sorted(window.proc_cpu_seconds.values) == pytest.approx([0.49, 0.5, 0.5, 0.51])
    assert window.proc_cpu_seconds.nearest(0.508) == pytest.approx(0.51)
    assert window.proc_resident_bytes is not None
    assert window.proc_resident_bytes.values == (100, 110, 100, 120)


def test_a_server_that_has_started_again_gives_no_figures() -> None:
    with pytest.raises(LoadTestError, match="the server has started again"):
        window_between(reading(5, 7, 1000), reading(1, 2, 2000))


def test_metrics_without_requests_give_no_figures() -> None:
    bare = read_exposition(b"up 1\n", ExpositionFormat.PROMETHEUS_TEXT, read_shipped_vocabularies())

    with pytest.raises(LoadTestError, match="no histogram of its requests"):
        window_between(Reading(bare, None, None), Reading(bare, None, None))
