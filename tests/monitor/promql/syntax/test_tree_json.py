"""Trees as the JSON of /api/v1/parse_query."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from promql_expression_lists import ALL_FEATURES, read_list

from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.tree_json import expression_json

NAME_MATCHER = {"name": "__name__", "value": "up", "type": "="}
UP = {
    "type": "vectorSelector",
    "name": "up",
    "offset": 0,
    "matchers": [NAME_MATCHER],
    "timestamp": None,
    "startOrEnd": None,
    "anchored": False,
    "smoothed": False,
}
ONE = {"type": "numberLiteral", "val": "1"}


def tree(text: str) -> Any:
    return expression_json(parse_expression(text, ALL_FEATURES))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", ONE),
        ("-Inf", {"type": "numberLiteral", "val": "-Inf"}),
        ("'a'", {"type": "stringLiteral", "val": "a"}),
        ("up", UP),
        ("up{a!~'b'}", {**UP, "matchers": [{"name": "a", "value": "b", "type": "!~"}, NAME_MATCHER]}),
        ("up offset 5m @ 1.5", {**UP, "offset": 300_000, "timestamp": 1500}),
        ("up @ start()", {**UP, "startOrEnd": "start"}),
        ("up[1m] smoothed", {**UP, "type": "matrixSelector", "range": 60_000, "smoothed": True}),
        ("up[step()]", {**UP, "type": "matrixSelector", "range": 0}),
        (
            "up[1m:1s] offset 1s",
            {"type": "subquery", "expr": UP, "range": 60_000, "offset": 1000, "step": 1000}
            | {"timestamp": None, "startOrEnd": None},
        ),
        ("(up)", {"type": "parenExpr", "expr": UP}),
        ("-up", {"type": "unaryExpr", "op": "-", "expr": UP}),
        ("1 + up", {"type": "binaryExpr", "op": "+", "lhs": ONE, "rhs": UP, "matching": None, "bool": False}),
        (
            "topk without (a) (1, up)",
            {"type": "aggregation", "op": "topk", "expr": UP, "param": ONE, "grouping": ["a"], "without": True},
        ),
        (
            "round(up)",
            {
                "type": "call",
                "func": {"name": "round", "argTypes": ["vector", "scalar"], "variadic": 1, "returnType": "vector"},
                "args": [UP],
            },
        ),
    ],
)  # fmt: skip
def test_a_node_has_upstreams_shape(text: str, wanted: object) -> None:
    assert tree(text) == wanted


def test_a_match_of_two_vectors_says_how() -> None:
    assert tree("up == bool on(a) group_left(b) fill_left(1) up")["matching"] == {
        "card": "many-to-one",
        "labels": ["a"],
        "on": True,
        "include": ["b"],
        "fillValues": {"lhs": 1.0, "rhs": None},
    }


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert tree(r'"a\xff"')["val"] == "a\ufffd"


@pytest.mark.parametrize("text", [text for text, _ in read_list("accepted_since_3_14")])
def test_every_tree_can_be_written_as_json(text: str) -> None:
    assert orjson.loads(orjson.dumps(tree(text)))["type"] == tree(text)["type"]
