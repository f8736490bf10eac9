"""The ratios of cost_of_watching.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from watching.ratios import PairedRatio, Verdict, paired_ratio


def test_a_ratio_and_its_inverse_cancel_out() -> None:
    assert paired_ratio([0.5, 2.0]).mean == pytest.approx(1.0)


def test_one_wild_pair_in_ten_moves_nothing() -> None:
    assert paired_ratio([1.0] * 19 + [0.1]).mean == pytest.approx(1.0)


def test_the_interval_is_that_of_a_mean() -> None:
    """With 400 pairs of a normal distribution, near 1.96 standard errors; trimming costs a few per cent."""
    logarithms = np.random.default_rng(1).normal(0.0, 0.02, 400)
    found = paired_ratio(np.exp(logarithms).tolist())

    half_width = (math.log(found.high) - math.log(found.low)) / 2
    assert half_width == pytest.approx(1.96 * 0.02 / math.sqrt(400), rel=0.2)


def test_a_tenth_of_the_difference_is_that_of_one_of_ten_scrapes() -> None:
    one = PairedRatio(0.97, 0.96, 0.98, 5).of_each(10)

    assert (one.mean, one.low, one.high) == pytest.approx((0.997, 0.996, 0.998))


def test_two_costs_multiply_and_their_errors_add_up_squared() -> None:
    both = PairedRatio(1.0, 0.97, 1.03, 5).and_then(PairedRatio(0.5, 0.48, 0.52, 7))

    assert (both.mean, both.low, both.high) == pytest.approx((0.5, 0.475, 0.525))
    assert both.pairs == 5


def test_a_verdict_needs_the_whole_interval_on_one_side() -> None:
    found = PairedRatio(0.99, 0.98, 1.0, 3)
    assert found.verdict(0.97) is Verdict.PASS
    assert found.verdict(0.985) is Verdict.OPEN
    assert found.verdict(1.01) is Verdict.MISS
