"""What the demo has measured, and whether the loop closed. Pure functions of what was seen."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.demo.settings import ALERT_LINE_SECONDS
from monitor.demo.snapshot import AlertStanding, Delivery, Moment
from monitor.demo.story import Story

STEADY_SECONDS = 5.0
"""How much of the end of a phase its latency is the median of."""


@dataclass(frozen=True, slots=True)
class Course:
    """All that was seen of one story. `started_at_ms` is its start; `fired_at_ms` the first evaluation that fired."""

    story: Story
    started_at_ms: int
    moments: Sequence[Moment]
    deliveries: Sequence[Delivery]
    fired_at_ms: int | None

    def after_spike_seconds(self, at_ms: int) -> float:
        """From the start of the flash sale to `at_ms`."""
        return (at_ms - self.started_at_ms) / 1000 - self.story.spike_from_seconds


@dataclass(frozen=True, slots=True)
class Report:
    """Names and units are those of the JSON file. Times count from the start of the flash sale.

    p99 before: median of the last seconds of the quiet time; peak: the highest during the sale; after: median of the
    sale's last seconds, when as many buyers come as at its start. None is what did not happen.
    """

    alert_fired_after_s: float | None
    notified_after_s: float | None
    replicas_max: int
    resolved: bool
    replicas_end: int
    p99_before_s: float | None
    p99_peak_s: float | None
    p99_after_s: float | None


def report_of(course: Course) -> Report:
    story, moments = course.story, course.moments
    fired_at_ms, notified = course.fired_at_ms, _first(course, "firing")
    during = _p99s(moments, story.spike_from_seconds, story.spike_to_seconds)
    return Report(
        alert_fired_after_s=None if fired_at_ms is None else round(course.after_spike_seconds(fired_at_ms), 2),
        notified_after_s=None if notified is None else round(course.after_spike_seconds(notified.at_ms), 2),
        replicas_max=max((moment.snapshot.replicas for moment in moments), default=0),
        resolved=_is_resolved(course),
        replicas_end=moments[-1].snapshot.replicas if moments else 0,
        p99_before_s=_steady(moments, story.spike_from_seconds),
        p99_peak_s=round(max(during), 4) if during else None,
        p99_after_s=_steady(moments, story.spike_to_seconds),
    )


def open_ends(report: Report) -> tuple[str, ...]:
    """What is missing from a closed loop, in words; empty if nothing is."""
    line = ALERT_LINE_SECONDS
    wanted: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("the latency was under the line before the sale", lambda: _is_below(report.p99_before_s, line)),
        ("the alert fired after the sale began", lambda: (report.alert_fired_after_s or 0) > 0),
        ("the receiver was notified, with a valid signature", lambda: (report.notified_after_s or 0) > 0),
        ("more processes were started", lambda: report.replicas_max > 1),
        ("the latency came back under the line during the sale", lambda: _is_below(report.p99_after_s, line)),
        ("the alert resolved, and the receiver was told", lambda: report.resolved),
        ("the fleet shrank", lambda: report.replicas_end < report.replicas_max),
    )
    return tuple(text for text, holds in wanted if not holds())


def _is_below(seconds: float | None, line: float) -> bool:
    return seconds is not None and seconds < line


def _is_resolved(course: Course) -> bool:
    """Whether it had fired, no longer does, and the last thing the receiver heard is that."""
    verified = [delivery for delivery in course.deliveries if delivery.is_verified]
    is_quiet = bool(course.moments) and course.moments[-1].snapshot.alert is AlertStanding.INACTIVE
    return course.fired_at_ms is not None and is_quiet and bool(verified) and verified[-1].status == "resolved"


def _first(course: Course, status: str) -> Delivery | None:
    return next((each for each in course.deliveries if each.is_verified and each.status == status), None)


def _steady(moments: Sequence[Moment], until_seconds: float) -> float | None:
    values = _p99s(moments, until_seconds - STEADY_SECONDS, until_seconds)
    return round(statistics.median(values), 4) if values else None


def _p99s(moments: Sequence[Moment], from_seconds: float, to_seconds: float) -> list[float]:
    within = (moment.snapshot for moment in moments if from_seconds <= moment.at_seconds < to_seconds)
    return [snapshot.p99_seconds for snapshot in within if snapshot.p99_seconds is not None]
