from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.demo.report import Course, Report, open_ends, report_of
from monitor.demo.snapshot import AlertStanding, Delivery, Moment, Snapshot
from monitor.demo.story import Story

STORY = Story.lasting(100)
START_MS = 1_700_000_000_000
SPIKE_MS = START_MS + 15_000
CLOSED = Report(4.0, 4.1, 5, True, 1, 0.15, 2.2, 0.16)


def moments(*rows: tuple[float, int, float | None]) -> list[Moment]:
    """Rows of seconds, replicas and p99."""
    return [Moment(at, Snapshot(replicas=replicas, p99_seconds=p99)) for at, replicas, p99 in rows]


def delivery(at_ms: int, status: str, *, is_verified: bool = True) -> Delivery:
    return Delivery(at_ms, status, ("ShopIsSlow",), "", is_verified)


def course(seen: list[Moment], *deliveries: Delivery, fired_at_ms: int | None = SPIKE_MS + 4_000) -> Course:
    return Course(STORY, START_MS, seen, deliveries, fired_at_ms)


SEEN = moments(
    (11, 1, 0.1), (12, 1, 0.14), (14, 1, 0.9), (20, 1, 2.2), (30, 5, 1.0), (56, 4, 0.15), (59, 4, 0.17), (99, 1, 0.1)
)
TOLD = (delivery(SPIKE_MS + 4_250, "firing"), delivery(SPIKE_MS + 20_000, "resolved"))


def test_times_count_from_the_start_of_the_sale():
    report = report_of(course(SEEN, *TOLD))

    assert (report.alert_fired_after_s, report.notified_after_s) == (4.0, 4.25)


def test_latency_before_and_after_are_medians_and_the_peak_is_the_highest_of_the_sale():
    report = report_of(course(SEEN, *TOLD))

    assert (report.p99_before_s, report.p99_peak_s, report.p99_after_s) == (0.14, 2.2, 0.16)


def test_the_fleet_is_counted_by_who_answers():
    report = report_of(course(SEEN, *TOLD))

    assert (report.replicas_max, report.replicas_end) == (5, 1)


def test_it_is_resolved_when_the_receiver_has_heard_so_last():
    assert report_of(course(SEEN, *TOLD)).resolved
    assert not report_of(course(SEEN, *TOLD, delivery(SPIKE_MS + 30_000, "firing"))).resolved
    assert not report_of(course(SEEN, TOLD[0])).resolved


def test_it_is_not_resolved_while_an_alert_still_is_there():
    pending = [*SEEN, Moment(100, Snapshot(alert=AlertStanding.PENDING))]

    assert not report_of(course(pending, *TOLD)).resolved


def test_what_is_not_signed_has_not_been_delivered():
    report = report_of(course(SEEN, *(replace(each, is_verified=False) for each in TOLD)))

    assert (report.notified_after_s, report.resolved) == (None, False)


def test_nothing_seen_is_nothing_assumed():
    report = report_of(course([], fired_at_ms=None))

    assert report == Report(None, None, 0, False, 0, None, None, None)


def test_a_closed_loop_has_no_open_ends():
    assert open_ends(CLOSED) == ()


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"p99_before_s": 1.7}, "under the line before"),
        ({"alert_fired_after_s": None}, "the alert fired"),
        ({"alert_fired_after_s": -3.0}, "the alert fired"),
        ({"notified_after_s": None}, "notified"),
        ({"replicas_max": 1, "replicas_end": 0}, "more processes"),
        ({"p99_after_s": 1.6}, "came back under"),
        ({"p99_after_s": None}, "came back under"),
        ({"resolved": False}, "resolved"),
        ({"replicas_end": 5}, "shrank"),
    ],
)
def test_each_step_that_is_missing_is_named(change, missing):
    (named,) = open_ends(replace(CLOSED, **change))

    assert missing in named
