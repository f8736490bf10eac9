"""A cell as plain data for JSON and for the reports."""

from __future__ import annotations

import math
from typing import Any

from monitor.loadtest.figures import Figure
from monitor.loadtest.run_cell import CellResult
from monitor.loadtest.service_window import StoredFigures


def cell_data(server: str, cell: CellResult) -> dict[str, Any]:
    """{"server", "scenario", "tool", …, and an object for each figure}. What cannot be had is null."""
    plan, facts = cell.facts.plan, cell.facts
    data: dict[str, Any] = {
        "server": server,
        "scenario": plan.scenario.name,
        "tool": plan.tool.value,
        "url": plan.target.url,
        "connections_at_once": plan.connections,
        "duration_seconds": facts.generated.run.duration_seconds,
        "in_flight_at_the_end": facts.in_flight,
        "own_requests": facts.seen.requests_sent,
        "own_requests_failed": facts.seen.failures,
        "socket_looks": len(facts.seen.looks),
        "packet_requests": None if facts.seen.wire is None else len(facts.seen.wire),
        "runtime": facts.window.runtime,
    }
    data |= {figure.name: figure_data(figure) for figure in cell.figures}
    data["service"] = _stored_data(cell) if cell.stored else None
    return data


def figure_data(figure: Figure) -> dict[str, Any]:
    """`rest` is what no part explains, `agrees` whether that is allowed."""
    data: dict[str, Any] = {
        "unit": figure.unit.value,
        "generator": _number(figure.generator),
        "plimsoll": _number(figure.plimsoll),
        "difference": _number(figure.difference),
        "explained": [{"part": part.cause.value, "value": part.value} for part in figure.parts],
        "rest": _number(figure.rest),
        "rest_allowed": _number(figure.allowed),
        "agrees": figure.agrees,
    }
    if figure.proc is not None:
        data["proc"] = figure.proc
    if figure.reason:
        data["reason"] = figure.reason
    return data


def _stored_data(cell: CellResult) -> dict[str, Any]:
    """What the service has stored, and whether that is what the server itself has shown."""
    stored: StoredFigures | None = cell.stored
    assert stored is not None, "BUG: got no stored figures"
    window = cell.facts.window
    return {
        "requests": stored.requests,
        "sent_bytes": stored.sent_bytes,
        "accepted": stored.accepted,
        "resident_bytes_max": stored.resident_bytes_max,
        "scrapes": stored.scrapes,
        "requests_equal": stored.requests == window.requests,
        "sent_bytes_equal": stored.sent_bytes == window.sent_bytes,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
