"""Comparing answers of the query API."""

from __future__ import annotations

import orjson
import pytest
from comparison.answers import differing_share, points_of


def matrix(*values: str) -> bytes:
    pairs = [[60 * number, value] for number, value in enumerate(values)]
    return orjson.dumps({"data": {"result": [{"metric": {"b": "2", "a": "1"}, "values": pairs}]}})


def test_points_are_found_by_labels_and_time() -> None:
    assert points_of(matrix("1", "2.5")) == {
        ((("a", "1"), ("b", "2")), 0.0): "1",
        ((("a", "1"), ("b", "2")), 60.0): "2.5",
    }


def test_an_instant_vector_has_one_point_a_series() -> None:
    vector = orjson.dumps({"data": {"result": [{"metric": {}, "value": [3, "7"]}]}})

    assert points_of(vector) == {((), 3.0): "7"}


@pytest.mark.parametrize(
    ("left", "right", "share"),
    [
        (["1", "2"], ["1", "2"], 0.0),
        (["1", "2.00000001"], ["1", "2"], 0.0),
        (["1", "2.1"], ["1", "2"], 0.5),
        (["NaN", "+Inf"], ["NaN", "+Inf"], 0.0),
        (["NaN", "1"], ["1", "NaN"], 1.0),
        (["1"], ["1", "2"], 0.5),
        ([], [], 0.0),
    ],
    ids=["same", "rounded", "apart", "same specials", "other specials", "one missing", "empty"],
)
def test_the_share_of_points_that_differ(left: list[str], right: list[str], share: float) -> None:
    assert differing_share(points_of(matrix(*left)), points_of(matrix(*right))) == share
