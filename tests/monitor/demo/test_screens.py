from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from monitor.demo.events import delivery_text, events_between
from monitor.demo.live_screen import LiveScreen, bars
from monitor.demo.load import LoadReport
from monitor.demo.plain_screen import PlainScreen
from monitor.demo.snapshot import AlertStanding, Delivery, Snapshot
from monitor.demo.story import Phase, Story
from monitor.demo.view import View, figures, seconds_text

SNAPSHOT = Snapshot(
    requests_per_second=349.6,
    p50_seconds=0.1,
    p99_seconds=2.2,
    memory_bytes=200 * 2**20,
    cpu_ratio=0.25,
    gc_pause_seconds=0.0009,
    replicas=3,
    desired=5,
    alert=AlertStanding.FIRING,
    decision="5 replicas (up from 3): ceil(350 / 75) = 5",
)
VIEW = View(
    "http://127.0.0.1:9090", Story.lasting(60), Phase.SPIKE, 12.0, SNAPSHOT, LoadReport(9, 6, 2, 1, 350, 1, 2.1)
)


def test_every_figure_is_named_with_its_unit():
    assert dict(figures(VIEW)) == {
        "requests": "350/s of 350/s",
        "p50": "100 ms",
        "p99": "2.2 s",
        "buyers' p99": "2.1 s",
        "sent away": "2",
        "alert": "firing",
        "processes": "3 (want 5)",
        "cpu": "0.25 cores",
        "memory": "200 MiB",
        "gc pause": "0.9 ms",
    }


def test_what_is_not_known_is_not_made_up():
    shown = dict(figures(replace(VIEW, snapshot=Snapshot(), buyers=None)))

    assert {shown[name] for name in ("p50", "p99", "buyers' p99", "sent away", "cpu", "memory", "gc pause")} == {"-"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.1391, "139 ms"), (2.1111, "2.11 s"), (0.00007, "0.07 ms")]
)
def test_seconds_are_short(seconds, text):
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("inactive", "pending", "alert: pending, p99 is above the line"),
        ("pending", "firing", "alert: firing"),
        ("firing", "inactive", "alert: resolved"),
        ("pending", "inactive", "alert: inactive again"),
    ],
)
def test_each_change_of_the_alert_is_an_event(before, after, text):
    change = (Snapshot(alert=AlertStanding(before)), Snapshot(alert=AlertStanding(after)))

    assert events_between(*change) == (text,)


def test_decisions_and_the_fleet_are_events_and_nothing_else_is():
    assert events_between(SNAPSHOT, replace(SNAPSHOT, p99_seconds=1.0)) == ()
    assert events_between(Snapshot(), replace(SNAPSHOT, alert=AlertStanding.INACTIVE)) == (
        "decision: 5 replicas (up from 3): ceil(350 / 75) = 5",
        "fleet: 3 processes answer, 0 did before",
    )


def test_a_notification_says_whether_it_can_be_believed():
    firing = Delivery(0, "firing", ("ShopIsSlow",), "it is slow", is_verified=True)
    refused = Delivery(0, "refused", (), "the signature is wrong", is_verified=False)

    assert delivery_text(firing) == "notification: firing ShopIsSlow: it is slow (signature verified)"
    assert delivery_text(refused) == "notification: refused, the signature is wrong"


def test_lines_come_every_few_seconds_and_events_at_once():
    lines: list[str] = []
    with PlainScreen(lines.append) as screen:
        for at_seconds in range(7):
            screen.show(replace(VIEW, at_seconds=float(at_seconds)))
        screen.tell(6.5, "alert: resolved")

    assert [line[:8] for line in lines] == ["   0.0 s", "   5.0 s", "   6.5 s"]


def test_a_terminal_shows_everything_at_once():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=50, _environ={})
    with LiveScreen(console) as screen:
        screen.tell(1.0, "alert: [pending]")
        screen.show(VIEW)

    shown = console.file.getvalue()
    for text in (
        "2.2 s",
        "firing",
        "3 (want 5)",
        "ceil(350 / 75) = 5",
        "open http://127.0.0.1:9090",
        "alert: [pending]",
    ):
        assert text in shown


@pytest.mark.parametrize(("values", "drawn"), [([], ""), ([0, 0], "▁▁"), ([0, 4, 8], "▁▅█")])
def test_bars_go_from_zero_to_the_highest(values, drawn):
    assert bars(values) == drawn
