"""Quantiles of buckets, and of requests at fixed times."""

from __future__ import annotations

import math

import pytest

from monitor.loadtest.quantiles import bucket_quantile, bucket_width, closed_loop_quantile

BUCKETS = {0.001: 50.0, 0.005: 90.0, math.inf: 100.0}


@pytest.mark.parametrize(("q", "seconds"), [(0.25, 0.0005), (0.5, 0.001), (0.7, 0.003), (0.99, 0.005)])
def test_a_quantile_is_linear_inside_of_its_bucket(q: float, seconds: float) -> None:
    assert bucket_quantile(BUCKETS, q) == pytest.approx(seconds)


def test_without_requests_there_is_no_quantile() -> None:
    assert bucket_quantile({}, 0.5) is None
    assert bucket_quantile({0.1: 0.0, math.inf: 0.0}, 0.5) is None
    assert closed_loop_quantile([], [], 0.5) is None


@pytest.mark.parametrize(("value", "width"), [(0.0005, 0.001), (0.001, 0.001), (0.002, 0.004), (9.0, 0.004)])
def test_the_width_is_that_of_the_bucket_that_holds_a_value(value: float, width: float) -> None:
    assert bucket_width(tuple(BUCKETS), value) == pytest.approx(width)


def test_a_closed_loop_counts_a_slow_moment_once_where_a_fast_one_counts_often() -> None:
    # Half of the time the server answers in 1 ms, half of it in 9 ms: a closed loop sends 9 of 10 requests in the
    # fast half.
    values = [0.001] * 50 + [0.009] * 50

    assert closed_loop_quantile(values, values, 0.89) == 0.001
    assert closed_loop_quantile(values, values, 0.91) == 0.009
