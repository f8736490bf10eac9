"""Our own lists of PromQL expressions, each with how it prints or why it is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from monitor.promql.features import Features
from monitor.promql.syntax.nodes import Node, VectorSelector

_FOLDER = Path(__file__).parent / "promql_expressions"
ALL_FEATURES = Features(**{spec.name: True for spec in fields(Features)})


def read_list(name: str, *, without: str = "") -> list[tuple[str, str]]:
    """The pairs of expression and printed form, or expression and message, of one list.

    `without` is the heading of a part that is left out.
    """
    pairs: list[tuple[str, str]] = []
    heading = ""
    for line in (_FOLDER / f"{name}.txt").read_text().splitlines():
        if line.startswith("##"):
            heading = line.strip("# ")
        elif heading != without:
            expression, outcome = line.split("\t")
            pairs.append((expression, outcome))
    return pairs


def sorted_matchers(node: Node) -> Node:
    """`node` with the matchers of every selector in one order, for printing sorts them."""
    changes: dict[str, object] = {}
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, Node):
            changes[spec.name] = sorted_matchers(value)
        elif isinstance(value, tuple):
            changes[spec.name] = tuple(sorted_matchers(item) if isinstance(item, Node) else item for item in value)
    if isinstance(node, VectorSelector):
        changes["matchers"] = tuple(sorted(node.matchers, key=str))
    return replace(node, **changes)
