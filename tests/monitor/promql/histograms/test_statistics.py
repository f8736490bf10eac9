from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.native_histograms import CUSTOM_SCHEMA, HistogramShape, NativeHistogram, used_buckets
from monitor.promql.histograms.statistics import fractions, quantiles, variances
from monitor.promql.histograms.trimming import trimmed


def shape(schema: int, positive: list[int], bounds: tuple[float, ...] = (), threshold: float = 0.0) -> HistogramShape:
    return HistogramShape(schema, threshold, bounds, np.empty(0, np.int64), np.array(positive, np.int64))


def quantile(value: float, of_shape: HistogramShape, cells: list[float]) -> float:
    with np.errstate(all="ignore"):
        return float(quantiles(np.array([value]), of_shape, np.array([cells])).values[0])


def fraction(lower: float, upper: float, of_shape: HistogramShape, cells: list[float]) -> float:
    with np.errstate(all="ignore"):
        return float(fractions(np.array([lower]), np.array([upper]), of_shape, np.array([cells])).values[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.1, -np.inf), (1.1, np.inf), (0.0, 1.0), (1.0, 4.0), (0.5, 2.0), (0.25, 2**0.5), (0.75, 2**1.5)],
)
def test_a_quantile_is_interpolated_on_a_logarithmic_scale(value: float, expected: float) -> None:
    assert quantile(value, shape(0, [1, 2]), [4, 9, 0, 2, 2]) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "expected"), [(0.25, 5.0), (0.5, 10.0), (0.1, 2.0), (0.9, 20.0)])
def test_a_quantile_within_custom_bounds_is_interpolated_linearly(value: float, expected: float) -> None:
    custom = shape(CUSTOM_SCHEMA, [0, 1, 2], (10.0, 20.0))

    assert quantile(value, custom, [8, 9, 0, 4, 2, 2]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"), [(1, 2, 0.5), (0, 4, 1.0), (2, 1, 0.0), (2**0.5, 2, 0.25), (3, np.nan, np.nan)]
)
def test_a_fraction_is_the_share_of_observations(lower: float, upper: float, expected: float) -> None:
    assert fraction(lower, upper, shape(0, [1, 2]), [4, 9, 0, 2, 2]) == pytest.approx(expected, nan_ok=True)


def test_without_observations_nothing_is_known() -> None:
    assert np.isnan(quantile(0.5, shape(0, []), [0, 0, 0]))
    assert np.isnan(fraction(0, 1, shape(0, []), [0, 0, 0]))


def test_the_variance_takes_each_bucket_at_its_geometric_mean() -> None:
    found = variances(shape(0, [1, 3]), np.array([[2, 2**0.5 + 2**2.5, 0, 1, 1]]))

    assert found[0] == pytest.approx(((2**2.5 - 2**0.5) / 2) ** 2)


counts = st.lists(st.integers(0, 50).map(float), min_size=4, max_size=4)


@given(counts, st.floats(0.01, 0.99))
def test_a_quantile_and_a_fraction_are_each_other_s_inverse(buckets: list[float], value: float) -> None:
    buckets = [count + 1 for count in buckets]
    cells = [sum(buckets), 1.0, 0.0, *buckets]

    limit = quantile(value, shape(1, [-1, 0, 1, 2]), cells)

    assert fraction(-np.inf, limit, shape(1, [-1, 0, 1, 2]), cells) == pytest.approx(value, abs=1e-9)


@given(counts, st.floats(-1, 8))
def test_what_is_trimmed_away_below_and_above_is_everything(buckets: list[float], limit: float) -> None:
    cells = np.array([sum(buckets) + 3, 1.0, 3.0, *buckets])
    each = NativeHistogram(shape(0, [-1, 0, 1, 2], threshold=0.125), cells)

    with np.errstate(all="ignore"):
        lower, upper = trimmed(each, limit, keeps_lower=True), trimmed(each, limit, keeps_lower=False)

    assert lower.count + upper.count == pytest.approx(each.count)
    assert all(bucket.lower <= limit for bucket in used_buckets(lower))
    assert all(bucket.upper >= limit for bucket in used_buckets(upper))
