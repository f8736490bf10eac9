from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.expvar.variables import Variable, variables


@pytest.mark.parametrize(
    ("page", "variable"),
    [
        ({"requests": 3}, Variable("expvar_requests", "", 3.0)),
        ({"load.average-1": 0.5}, Variable("expvar_load_average_1", "", 0.5)),
        ({"requests": {"/pay": 2}}, Variable("expvar_requests", "/pay", 2.0)),
        ({"http": {"requests": {"/pay": 2}}}, Variable("expvar_http_requests", "/pay", 2.0)),
        ({"big": 10**400}, Variable("expvar_big", "", float("inf"))),
    ],
)
def test_a_number_becomes_a_series(page: dict[str, object], variable: Variable) -> None:
    assert variables(page, 10, 100).kept == (variable,)


def test_what_is_no_number_and_what_the_package_publishes_is_left_out() -> None:
    page = {"cmdline": ["a"], "memstats": {"Alloc": 1}, "version": "1", "on": True, "list": [1], "nothing": None}

    assert variables(page, 10, 100).kept == ()


def test_what_is_too_much_or_has_a_name_that_is_taken_is_dropped_and_counted() -> None:
    found = variables({"a.b": 1, "a_b": 2, "c": {"x" * 9: 3}, "d": 4, "e": 5}, 2, 8)

    assert ([each.name for each in found.kept], found.dropped) == (["expvar_a_b", "expvar_d"], 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(page=st.dictionaries(st.text(max_size=4), JSON, max_size=5))
def test_any_page_gives_each_series_once(page: dict[str, object]) -> None:
    kept = variables(page, 100, 100).kept

    assert len({(each.name, each.key) for each in kept}) == len(kept)
