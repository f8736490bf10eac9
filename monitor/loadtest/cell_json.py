"""A cell as plain data for JSON and for the reports."""

from __future__ import annotations

import math
from typing import Any

from monitor.loadtest.figures import Figure, Part
from monitor.loadtest.run_cell import CellResult


def cell_data(server: str, cell: CellResult) -> dict[str, Any]:
    """{"server", "scenario", "tool", …, and an object for each figure}. What cannot be had is null."""
    plan, facts = cell.facts.plan, cell.facts
    data: dict[str, Any] = {
        "server": server,
        "scenario": plan.scenario.name,
        "tool": plan.tool.value,
        "url": plan.target.shown_url,
        "connections_at_once": plan.connections,
        "duration_seconds": facts.generated.run.duration_seconds,
        "in_flight_at_the_end": facts.in_flight,
        "in_flight_at_most": facts.in_flight_most,
        "own_requests": facts.seen.requests_sent,
        "own_requests_failed": facts.seen.failures,
        "socket_looks": len(facts.seen.looks),
        "packet_requests": None if facts.seen.wire is None else len(facts.seen.wire),
        "runtime": facts.window.runtime,
    }
    data |= {figure.name: figure_data(figure) for figure in cell.figures}
    data["service"] = _service_data(cell)
    return data


def figure_data(figure: Figure) -> dict[str, Any]:
    """`rest` is what no part explains, `agrees` whether that is allowed."""
    data: dict[str, Any] = {
        "unit": figure.unit.value,
        "generator": _number(figure.generator),
        "plimsoll": _number(figure.plimsoll),
        "difference": _number(figure.difference),
        "explained": [_part_data(part) for part in figure.parts],
        "rest": _number(figure.rest),
        "rest_allowed": _number(figure.allowed),
        "agrees": figure.agrees,
        "agrees_by_derived_part": figure.agrees_by_derived_part,
        "stored_as_shown": figure.is_stored_as_shown,
    }
    if figure.shown is not None:
        data["shown"] = {"least": figure.shown.least, "most": figure.shown.most}
    if figure.proc is not None:
        data["proc"] = figure.proc
    if figure.reason:
        data["reason"] = figure.reason
    return data


def _part_data(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {"part": part.cause.value, "value": part.value}
    return data | {"derived": True} if part.is_derived else data


def _service_data(cell: CellResult) -> dict[str, float] | None:
    """Unix times of the two scrapes between which a service has stored our figures."""
    if cell.stored_ms is None:
        return None
    first, last = cell.stored_ms
    return {"first_scrape": first / 1000, "last_scrape": last / 1000}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
