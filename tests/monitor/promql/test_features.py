"""The optional parts of PromQL and how they are named."""

from __future__ import annotations

import pytest

from monitor.promql.features import Features


def test_durations_may_be_expressions_by_default_and_nothing_else_is_on() -> None:
    assert Features() == Features.of([])
    assert Features().promql_duration_expr
    assert not Features().promql_experimental_functions


def test_features_are_named_with_dashes_as_upstream_names_them() -> None:
    features = Features.of(["promql-experimental-functions", "type-and-unit-labels"])

    assert features == Features(promql_experimental_functions=True, type_and_unit_labels=True)


def test_an_unknown_feature_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="got feature 'promql-magic', want one of promql-binop-fill-modifiers, "):
        Features.of(["promql-duration-expr", "promql-magic"])
