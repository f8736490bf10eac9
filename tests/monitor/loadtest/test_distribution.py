"""wrk's correction for coordinated omission, put in as wrk puts it in and taken back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.loadtest.distribution import Distribution, expected_microseconds, parse_wrk_distribution, uncorrected

Counts = dict[int, int]


def corrected(measured: Counts, expected_us: int) -> Counts:
    """stats_correct of wrk's stats.c, step by step."""
    printed = dict(measured)
    for value in range(2 * expected_us, max(measured) + 1):
        missing = value - expected_us
        while printed.get(value) and missing > expected_us:
            printed[missing] = printed.get(missing, 0) + printed[value]
            missing -= expected_us
    return printed


@given(
    measured=st.dictionaries(st.integers(1, 400), st.integers(1, 50), min_size=1),
    expected_us=st.integers(1, 120),
)
def test_what_wrk_has_measured_comes_back_from_what_it_prints(measured: Counts, expected_us: int) -> None:
    printed = sorted(corrected(measured, expected_us).items())

    found = uncorrected(printed, expected_us)

    assert found is not None
    assert {round(value * 1e6): count for value, count in zip(found.seconds, found.counts, strict=True)} == measured


def test_a_histogram_that_no_correction_makes_is_refused() -> None:
    assert uncorrected([(150, 1), (250, 2)], 100) is None


def test_the_mean_and_the_nearest_rank_of_a_distribution() -> None:
    found = Distribution((0.001, 0.002, 0.1), (98, 1, 1))

    assert found.mean == pytest.approx(0.002)
    assert [found.quantile(q) for q in (0.0, 0.5, 0.98, 0.985, 1.0)] == [0.001, 0.001, 0.001, 0.002, 0.1]


def test_the_expected_latency_is_the_time_by_the_requests_of_a_connection() -> None:
    assert expected_microseconds(2.0, 1005, 10) == 20_000
    assert expected_microseconds(2.0, 9, 10) == 0


def test_the_line_of_the_script_is_found_among_others() -> None:
    text = 'Requests/sec: 1\n{"wrk_distribution":1,"latency_us":[[7,2],[9,1]]}\n'

    assert parse_wrk_distribution(text) == [(7, 2), (9, 1)]
    assert parse_wrk_distribution("Requests/sec: 1\n") is None
