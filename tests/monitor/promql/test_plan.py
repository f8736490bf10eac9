from __future__ import annotations

import pytest

from monitor.model.label_frame import LabelFrame
from monitor.promql.features import Features
from monitor.promql.plan import Memo, Plan
from monitor.promql.syntax.parse import parse_expression


@pytest.mark.parametrize(
    ("expression", "is_invariant"),
    [
        ("1", True),
        ("pi()", True),
        ("time()", False),
        ("x", False),
        ("x @ 5", True),
        ("sum(x @ end())", True),
        ("-(x @ 5) + 1", True),
        ("x @ 5 + x", False),
        ("rate(x[5m] @ 5)", True),
        ("rate(x[5m])", False),
        ("predict_linear(x[5m] @ 5, 1)", False),
        ("timestamp(x @ 5)", False),
        ("max_over_time((x @ 5)[5m:1m])", False),
        ("max_over_time(x[5m:1m] @ 5)", True),
        # The parameter of an aggregation does not count, as upstream.
        ("topk(scalar(y), x @ 5)", True),
    ],
)
def test_what_has_the_same_value_at_every_step(expression: str, is_invariant: bool) -> None:
    plan = Plan(expression, parse_expression(expression, Features()))

    assert plan.is_step_invariant(plan.expression) == is_invariant


def test_a_deep_tree_is_looked_at_once() -> None:
    expression = "sum(" * 60 + "x" + ")" * 60

    assert not Plan(expression, parse_expression(expression)).is_step_invariant(parse_expression("x"))


def test_what_was_derived_is_remembered_for_the_same_frames_only() -> None:
    memo, first, second = Memo(), LabelFrame(0, {}), LabelFrame(0, {})
    calls: list[str] = []

    for frame in (first, first, second, first):
        memo.derive("key", (frame,), lambda: calls.append("derived"))

    assert len(calls) == 3


def test_keys_are_kept_apart() -> None:
    memo, frame = Memo(), LabelFrame(0, {})

    assert memo.derive("a", (frame,), lambda: 1) == 1
    assert memo.derive("b", (frame,), lambda: 2) == 2
    assert memo.derive("a", (frame,), lambda: 3) == 1
