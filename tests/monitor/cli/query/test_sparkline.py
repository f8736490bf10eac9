from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.query.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "chart"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([1, 1, 1], "▁▁▁"),
        ([0, None, 1], "▁ █"),
        ([0, nan, 1], "▁·█"),
        ([-inf, 0, 1, inf], "▁▁██"),
        ([nan, None], "· "),
        ([], ""),
        ([-1e308, 0.0, 1e308], "▁▅█"),
    ],
)
def test_the_lowest_and_the_highest_bar_are_the_bounds(values, chart):
    assert sparkline(values, 20) == chart


def test_a_narrow_chart_shows_the_largest_of_what_it_joins():
    assert sparkline([0, 0, 9, 0, 0, 0, 0, None], 4) == "▁█▁▁"


@given(st.lists(st.none() | st.floats()), st.integers(1, 50))
def test_any_values_have_a_chart_of_at_most_the_width(values, width):
    assert len(sparkline(values, width)) == min(len(values), width)
