from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.demo.load import Arrivals, LoadReport, LoadSettings, Measurements, quantile


def arrivals() -> Arrivals:
    return Arrivals(random.Random(7).expovariate)


def test_buyers_come_as_often_as_they_should():
    coming = arrivals()
    coming.set_rate(350, 0)

    moments = coming.due(100)

    assert 33_000 < len(moments) < 37_000
    assert moments == sorted(moments)


def test_a_late_look_gives_every_buyer_with_the_moment_that_was_due():
    one, other = arrivals(), arrivals()
    one.set_rate(10, 0)
    other.set_rate(10, 0)

    in_steps = [moment for step in range(1, 101) for moment in one.due(step / 10)]

    assert in_steps == other.due(10)


def test_a_rate_of_zero_is_nobody():
    coming = arrivals()
    coming.set_rate(10, 0)
    coming.set_rate(0, 0)

    assert coming.due(1_000) == []


@given(st.lists(st.floats(0, 100), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_smallest_value_that_enough_are_not_above(values, ratio):
    values = sorted(values)

    found = quantile(values, ratio)

    assert sum(value <= found for value in values) >= ratio * len(values)
    assert sum(value < found for value in values) < ratio * len(values)


def test_a_report_counts_all_and_measures_the_last_seconds():
    measurements = Measurements(LoadSettings(window_seconds=5))
    for _ in range(4):
        measurements.note_due()
    measurements.note_end(200, due_seconds=0, now_seconds=1)
    measurements.note_end(200, due_seconds=9, now_seconds=9.5)
    measurements.note_end(503, due_seconds=8, now_seconds=10)

    assert measurements.report(10) == LoadReport(4, 2, 1, 1, 4.0, pytest.approx(0.5), pytest.approx(2.0))


def test_no_answers_are_no_quantiles():
    report = Measurements(LoadSettings()).report(1)

    assert (report.p50_seconds, report.p99_seconds) == (None, None)
