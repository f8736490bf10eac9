"""What functions and aggregation operators take."""

from __future__ import annotations

import pytest

from monitor.promql.syntax.function_signatures import AGGREGATIONS, FUNCTIONS
from monitor.promql.syntax.nodes import ValueType


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("time", 0, 0),
        ("abs", 1, 1),
        ("hour", 0, 1),
        ("round", 1, 2),
        ("label_join", 3, None),
        ("label_replace", 5, 5),
        ("histogram_quantiles", 3, 12),
        ("sort_by_label", 1, None),
    ],
)
def test_a_function_says_how_many_arguments_it_takes(name: str, least: int, most: int | None) -> None:
    signature = FUNCTIONS[name]

    assert (signature.arguments_min, signature.arguments_max) == (least, most)


def test_repeated_arguments_have_the_last_type() -> None:
    signature = FUNCTIONS["label_join"]

    assert signature.argument_type(0) is ValueType.VECTOR
    assert signature.argument_type(3) is ValueType.STRING
    assert signature.argument_type(9) is ValueType.STRING


def test_every_signature_stands_under_its_own_name() -> None:
    assert all(name == signature.name for name, signature in FUNCTIONS.items())
    assert all(name == signature.name for name, signature in AGGREGATIONS.items())


def test_no_aggregation_operator_is_also_a_function() -> None:
    assert not FUNCTIONS.keys() & AGGREGATIONS.keys()
