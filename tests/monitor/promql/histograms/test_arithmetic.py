from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.native_histograms import BUCKETS, CUSTOM_SCHEMA, HistogramShape, NativeHistogram, ResetHint
from monitor.promql.histograms.arithmetic import add, are_equal, divided, is_reset, scaled, subtract
from monitor.promql.histograms.shapes import with_schema, with_zero_threshold
from monitor.promql.histograms.totals import total


def histogram(
    positive: dict[int, float],
    *,
    schema: int = 0,
    threshold: float = 0.0,
    zero: float = 0.0,
    negative: dict[int, float] | None = None,
    bounds: tuple[float, ...] = (),
    hint: ResetHint = ResetHint.UNKNOWN,
) -> NativeHistogram:
    """With as many observations as its buckets have, and their number as the sum."""
    negative = negative or {}
    below, above = sorted(negative), sorted(positive)
    shape = HistogramShape(schema, threshold, bounds, np.array(below, np.int64), np.array(above, np.int64))
    counts = [*(negative[bucket] for bucket in below), *(positive[bucket] for bucket in above)]
    observations = zero + sum(counts)
    return NativeHistogram(shape, np.array([observations, observations, zero, *counts], np.float64), hint)


def buckets_of(found: NativeHistogram) -> dict[int, float]:
    counts = found.cells[found.shape.positive_start :].tolist()
    return {bucket: count for bucket, count in zip(found.shape.positive.tolist(), counts, strict=True) if count}


counts = st.integers(0, 1000).map(float)
some_histograms = st.builds(
    histogram,
    st.dictionaries(st.integers(-6, 6), counts, max_size=6),
    schema=st.integers(-2, 3),
    threshold=st.sampled_from([0.0, 0.001, 0.5, 2.0]),
    zero=counts,
    negative=st.dictionaries(st.integers(-6, 6), counts, max_size=3),
)


@given(some_histograms, some_histograms)
def test_no_observation_is_lost_in_a_sum(left: NativeHistogram, right: NativeHistogram) -> None:
    combined = add(left, right)

    assert combined is not None
    assert combined.histogram.count == left.count + right.count
    assert combined.histogram.cells[BUCKETS - 1 :].sum() == combined.histogram.count


@given(some_histograms, some_histograms)
def test_a_sum_does_not_depend_on_the_order(left: NativeHistogram, right: NativeHistogram) -> None:
    one, other = add(left, right), add(right, left)

    assert one is not None and other is not None
    assert are_equal(one.histogram, other.histogram)


@given(some_histograms)
def test_nothing_is_left_of_a_histogram_less_itself(each: NativeHistogram) -> None:
    combined = subtract(each, each)

    assert combined is not None
    assert not combined.histogram.cells.any()


@given(some_histograms, some_histograms)
def test_a_total_is_the_sum_of_two(left: NativeHistogram, right: NativeHistogram) -> None:
    both, combined = total([left, right], mean=False), add(left, right)

    assert both is not None and combined is not None
    assert are_equal(both.histogram, combined.histogram)


def test_a_sum_has_the_lower_resolution() -> None:
    combined = add(histogram({1: 1, 2: 2, 3: 4}, schema=1), histogram({1: 8}))

    assert combined is not None
    assert combined.histogram.shape.schema == 0
    assert buckets_of(combined.histogram) == {1: 11, 2: 4}


def test_custom_bounds_that_only_one_has_are_given_up() -> None:
    left = histogram({0: 1, 1: 2, 2: 3}, schema=CUSTOM_SCHEMA, bounds=(1.0, 2.0))
    right = histogram({0: 10, 1: 20}, schema=CUSTOM_SCHEMA, bounds=(2.0,))

    combined = add(left, right)

    assert combined is not None and combined.reconciled
    assert combined.histogram.shape.custom_bounds == (2.0,)
    assert buckets_of(combined.histogram) == {0: 13, 1: 23}


def test_exponential_and_custom_buckets_are_not_added() -> None:
    assert add(histogram({0: 1}), histogram({0: 1}, schema=CUSTOM_SCHEMA, bounds=(1.0,))) is None


def test_a_wider_zero_bucket_takes_in_the_buckets_within_it() -> None:
    widened = with_zero_threshold(histogram({-1: 1, 0: 2, 1: 4}, zero=8), 1.0)

    assert (widened.zero_count, buckets_of(widened)) == (11, {1: 4})


def test_a_zero_bucket_ends_where_a_used_bucket_ends() -> None:
    widened = with_zero_threshold(histogram({1: 4, 2: 5}), 1.5)

    assert (widened.shape.zero_threshold, widened.zero_count, buckets_of(widened)) == (2.0, 4, {2: 5})


@pytest.mark.parametrize(
    ("left", "right", "hint", "collided"),
    [
        (ResetHint.GAUGE, ResetHint.NOT_RESET, ResetHint.GAUGE, False),
        (ResetHint.NOT_RESET, ResetHint.NOT_RESET, ResetHint.NOT_RESET, False),
        (ResetHint.NOT_RESET, ResetHint.UNKNOWN, ResetHint.UNKNOWN, False),
        (ResetHint.NOT_RESET, ResetHint.RESET, ResetHint.UNKNOWN, True),
    ],
)
def test_a_sum_says_what_both_say_of_resets(left: ResetHint, right: ResetHint, hint: ResetHint, collided: bool) -> None:
    combined = add(histogram({0: 1}, hint=left), histogram({0: 1}, hint=right))

    assert combined is not None
    assert (combined.histogram.hint, combined.collided) == (hint, collided)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (histogram({0: 1}), histogram({0: 2}), False),
        (histogram({0: 2, 1: 1}), histogram({0: 1, 1: 9}), True),
        (histogram({0: 2}), histogram({1: 9}), True),
        (histogram({0: 2}, zero=3), histogram({0: 9}, zero=2), True),
        (histogram({1: 1, 2: 1}, schema=1), histogram({1: 2}), False),
        (histogram({1: 2}), histogram({1: 1, 2: 9}, schema=1), True),
        (histogram({-1: 3}, threshold=0.1), histogram({}, threshold=0.5, zero=3), False),
        (histogram({0: 3}, threshold=0.1), histogram({}, threshold=0.75, zero=9), True),
        (histogram({0: 3}, threshold=0.5), histogram({0: 9}, threshold=0.1), True),
        (histogram({0: 9}), histogram({0: 1}, hint=ResetHint.NOT_RESET), False),
        (histogram({0: 1}), histogram({0: 9}, hint=ResetHint.RESET), True),
    ],
)
def test_a_counter_that_lost_observations_was_reset(
    before: NativeHistogram, after: NativeHistogram, expected: bool
) -> None:
    assert is_reset(after, before) is expected


def test_scaling_by_less_than_nothing_makes_a_gauge() -> None:
    assert scaled(histogram({0: 1}), -2.0).hint is ResetHint.GAUGE
    assert divided(histogram({0: 1}), -2.0).hint is ResetHint.GAUGE


def test_a_division_by_nothing_leaves_no_buckets() -> None:
    with np.errstate(all="ignore"):
        result = divided(histogram({0: 1}), 0.0)

    assert (result.count, buckets_of(result)) == (np.inf, {})


def test_empty_buckets_and_resolution_kept_make_no_difference_to_equality() -> None:
    assert are_equal(histogram({0: 1, 5: 0}), histogram({0: 1}))
    assert not are_equal(histogram({1: 1}, schema=1), histogram({1: 1}))


def test_a_mean_is_finite_where_the_sum_is_not() -> None:
    large = histogram({0: 1e308})

    with np.errstate(all="ignore"):
        mean = total([large, large, large], mean=True)

    assert mean is not None
    assert mean.histogram.count == pytest.approx(1e308)


def test_a_sum_of_large_and_small_numbers_is_exact() -> None:
    found = total([histogram({0: 1e17}), histogram({0: 1.0}), scaled(histogram({0: 1e17}), -1.0)], mean=False)

    assert found is not None
    assert buckets_of(found.histogram) == {0: 1.0}


@given(some_histograms, st.integers(-4, 3))
def test_a_lower_resolution_keeps_the_bounds_of_its_buckets(each: NativeHistogram, schema: int) -> None:
    reduced = with_schema(each, min(schema, each.shape.schema))

    assert reduced.cells[BUCKETS:].sum() == each.cells[BUCKETS:].sum()
    assert set(np.diff(reduced.shape.positive)) <= set(range(1, 20))
