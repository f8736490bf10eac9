from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.native_histograms import (
    CUSTOM_SCHEMA,
    Component,
    HistogramShape,
    NativeHistogram,
    Part,
    parse_component,
    upper_bounds,
    used_buckets,
)

bounds = st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True).map(lambda each: tuple(sorted(each)))
components = st.one_of(
    st.builds(Component, st.integers(-4, 8), st.just(()), st.sampled_from(Part), st.integers(-500, 500)),
    st.builds(Component, st.just(CUSTOM_SCHEMA), bounds, st.sampled_from(Part), st.integers(0, 100)),
)


def shape(schema: int, *, custom: tuple[float, ...] = (), threshold: float = 0.0) -> HistogramShape:
    return HistogramShape(schema, threshold, custom, np.array([0, 1]), np.array([0, 1]))


@given(components)
def test_a_component_can_be_read_from_its_text(component: Component) -> None:
    read = parse_component(str(component))

    assert read is not None
    assert (read.scale, read.part) == (component.scale, component.part)
    assert str(read) == str(component)


@pytest.mark.parametrize("text", ["", "count", "0/", "0/q1", "x/count", "0/p", "-53[a]/count"])
def test_other_texts_are_no_components(text: str) -> None:
    assert parse_component(text) is None


@pytest.mark.parametrize(
    ("schema", "index", "bound"),
    [
        (0, 0, 1.0),
        (0, 3, 8.0),
        (0, -2, 0.25),
        (1, 1, 2**0.5),
        (-1, 1, 4.0),
        (-4, 1, 65536.0),
        (8, 256, 2.0),
        (0, 1024, np.finfo(np.float64).max),
        (0, 1025, np.inf),
        (0, -1075, 0.0),
    ],
)
def test_a_bucket_ends_at_a_power_of_two(schema: int, index: int, bound: float) -> None:
    assert upper_bounds(shape(schema), np.array([index]))[0] == pytest.approx(bound)


def test_custom_bounds_begin_and_end_at_infinity() -> None:
    found = upper_bounds(shape(CUSTOM_SCHEMA, custom=(1.0, 2.0)), np.array([-1, 0, 1, 2]))

    assert found.tolist() == [-np.inf, 1.0, 2.0, np.inf]


def test_buckets_stand_from_the_lowest_to_the_highest_without_empty_ones() -> None:
    each = NativeHistogram(shape(0, threshold=0.25), np.array([9.0, 1.0, 2.0, 3.0, 0.0, 0.0, 4.0]))

    found = [(bucket.lower, bucket.upper, bucket.count) for bucket in used_buckets(each)]

    assert found == [(-1.0, -0.5, 3.0), (-0.25, 0.25, 2.0), (1.0, 2.0, 4.0)]


def test_a_bucket_that_overlaps_the_zero_bucket_begins_where_that_ends() -> None:
    each = NativeHistogram(shape(0, threshold=0.75), np.array([3.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0]))

    assert [(bucket.lower, bucket.upper) for bucket in used_buckets(each)] == [
        (-1.0, -0.75),
        (-0.75, 0.75),
        (0.75, 1.0),
    ]
