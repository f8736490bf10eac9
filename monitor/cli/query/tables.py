"""Answers as tables, charts and trees for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from monitor.cli.query.results import SeriesRow, metric_text, number, time_text
from monitor.cli.query.sparkline import sparkline

Json = dict[str, Any]

PLAIN_WIDTH = 200
"""Columns where there is no terminal: output that is piped is not folded at 80."""
CHART_WIDTH_MAX = 60


def new_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_text = column in ("series", "chart", "time") or "=" in column
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    return table


def instant_table(rows: Sequence[SeriesRow]) -> Table:
    """A line for each series, or for each point where a series has several."""
    has_times = any(len(row.points) > 1 for row in rows)
    table = _table("series", *(("time",) if has_times else ()), "value")
    for row in rows:
        for seconds, value in row.points:
            cells = [escape(metric_text(row.labels)), *((time_text(seconds),) if has_times else ()), escape(value)]
            table.add_row(*cells)
    return table


def range_table(rows: Sequence[SeriesRow], times: Sequence[float], width: int) -> Table:
    """A line for each series: a chart over `times` (seconds), lowest, highest and last value."""
    chart_width = max(10, min(CHART_WIDTH_MAX, width // 3))
    table = _table("series", "chart", "min", "max", "last")
    table.columns[1].no_wrap = True
    for row in rows:
        value_at = {round(seconds * 1000): number(text) for seconds, text in row.points}
        values = [value_at.get(round(seconds * 1000)) for seconds in times]
        known = [value for value in value_at.values() if not math.isnan(value)]
        lowest, highest = (f"{bound(known):g}" if known else "NaN" for bound in (min, max))
        last = row.points[-1][1] if row.points else ""
        table.add_row(escape(metric_text(row.labels)), sparkline(values, chart_width), lowest, highest, escape(last))
    return table


def explain_tree(data: Json) -> Tree:
    """The parts of an expression, each with its series, its expected samples and the time that it took itself."""
    total = data["tree"]["actual"]["seconds"] if data["tree"]["actual"] else 0.0
    tree = Tree(_part_text(data["tree"], total))
    _add_children(tree, data["tree"], total)
    return tree


def _add_children(tree: Tree, node: Json, total_seconds: float) -> None:
    for child in node["children"]:
        _add_children(tree.add(_part_text(child, total_seconds)), child, total_seconds)


def _part_text(node: Json, total_seconds: float) -> str:
    text = node["text"] if not node["children"] else node["kind"]
    facts = [*_series_facts(node), *_sample_facts(node["estimate"] or {}), *_time_facts(node["actual"], total_seconds)]
    return f"[bold]{escape(text)}[/bold]  {', '.join(facts)}"


def _series_facts(node: Json) -> list[str]:
    actual, expected = node["actual"], node["estimate"]
    if actual is not None:
        return [f"{actual['series']:,} series"]
    return [f"at most {expected['series']:,} series"] if expected else []


def _sample_facts(expected: Mapping[str, int]) -> list[str]:
    facts = []
    if expected.get("loadedSamples"):
        facts.append(f"about {expected['loadedSamples']:,} samples")
    if expected.get("windowSamples"):
        facts.append(f"{expected['windowSamples']:,} in windows")
    return facts


def _time_facts(actual: Json | None, total_seconds: float) -> list[str]:
    if actual is None:
        return []
    share = f" ({actual['ownSeconds'] / total_seconds:.0%})" if total_seconds else ""
    return [f"{actual['ownSeconds'] * 1000:.2f} ms{share}"]
