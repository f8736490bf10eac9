"""The medians of cost_of_watching.py."""

from __future__ import annotations

from watching.ratios import Verdict, paired_ratio


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    assert paired_ratio([1.0, 4.0, 2.0, 3.0]).median == 2.5


def test_few_pairs_say_nothing_beyond_their_extremes() -> None:
    found = paired_ratio([0.9, 1.0, 1.1])
    assert (found.low, found.high) == (0.9, 1.1)


def test_the_interval_is_that_of_the_sign_test() -> None:
    """For 20 values the 6th and the 15th: any table of order statistics."""
    found = paired_ratio([float(number) for number in range(1, 21)])
    assert (found.low, found.high, found.pairs) == (6.0, 15.0, 20)


def test_one_wild_pair_moves_nothing() -> None:
    quiet = paired_ratio([1.0] * 20)
    assert paired_ratio([1.0] * 19 + [0.1]) == quiet


def test_a_verdict_needs_the_whole_interval_on_one_side() -> None:
    found = paired_ratio([0.98, 0.99, 1.0])
    assert found.verdict(0.97) is Verdict.PASS
    assert found.verdict(0.985) is Verdict.OPEN
    assert found.verdict(1.01) is Verdict.MISS
