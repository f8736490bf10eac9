"""Bars of a report as SVG inside of its page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from monitor.loadtest.figures import Cause
from monitor.loadtest.shown_figures import shown

_WIDTH, _LABEL, _VALUE = 620, 86, 96
_BAR, _GAP, _GROUP = 11, 2, 13
GENERATOR_COLOR, OURS_COLOR = "#8a94a6", "#0b6bcb"
HANDLER_COLOR, REST_COLOR = "#0b6bcb", "#d0d5dd"
# What of the average latency is where.
PART_COLORS = {
    Cause.SERVER_WORK.value: "#4da3ff",
    Cause.GC.value: "#c4320a",
    Cause.STALL.value: "#f79009",
    Cause.SERVER_SOCKET.value: "#f5c26b",
    Cause.GENERATOR_SOCKET.value: "#66c2a5",
    Cause.CONNECTING.value: "#b692f6",
    Cause.COORDINATED_OMISSION.value: "#344054",
    Cause.LATE.value: "#98a2b3",
}


def rate_chart(cells: Sequence[dict[str, Any]]) -> str:
    """Requests per second: the generator's bar above ours."""
    largest = max((_larger(cell["qps"]) for cell in cells), default=0.0) or 1.0
    marks = []
    for row, cell in enumerate(cells):
        top = row * (2 * _BAR + _GAP + _GROUP)
        marks.append(_text(0, top + _BAR + 5, cell["server"]))
        for line, (key, color) in enumerate((("generator", GENERATOR_COLOR), ("plimsoll", OURS_COLOR))):
            value = cell["qps"][key]
            width = _scaled(value or 0.0, largest)
            y = top + line * (_BAR + _GAP)
            marks.append(_bar(_LABEL, y, width, color, f"{cell['server']}, {key}: {shown(value, 'per second')}"))
            marks.append(_text(_LABEL + width + 6, y + _BAR - 2, shown(value, "per second")))
    return _svg(len(cells) * (2 * _BAR + _GAP + _GROUP), "Requests per second", marks)


def latency_chart(cells: Sequence[dict[str, Any]]) -> str:
    """The generator's average latency, and what it is made of below it."""
    largest = max((cell["latency_average"]["generator"] or 0.0 for cell in cells), default=0.0) or 1.0
    marks = []
    for row, cell in enumerate(cells):
        figure, top = cell["latency_average"], row * (2 * _BAR + _GAP + _GROUP)
        marks.append(_text(0, top + _BAR + 5, cell["server"]))
        theirs = figure["generator"]
        width = _scaled(theirs or 0.0, largest)
        marks.append(_bar(_LABEL, top, width, GENERATOR_COLOR, f"generator: {shown(theirs, 'seconds')}"))
        marks.append(_text(_LABEL + width + 6, top + _BAR - 2, shown(theirs, "seconds")))
        marks += _stack(figure, top + _BAR + _GAP, largest)
    return _svg(len(cells) * (2 * _BAR + _GAP + _GROUP), "Average latency and where it was spent", marks)


def _stack(figure: dict[str, Any], y: float, largest: float) -> list[str]:
    pieces = [("in the handler", figure["plimsoll"] or 0.0, HANDLER_COLOR)]
    pieces += [(part["part"], part["value"], PART_COLORS.get(part["part"], REST_COLOR)) for part in figure["explained"]]
    pieces.append(("not explained", figure["rest"] or 0.0, REST_COLOR))
    marks, x = [], float(_LABEL)
    for name, value, color in pieces:
        if value > 0:
            width = _scaled(value, largest)
            marks.append(_bar(x, y, width, color, f"{name}: {shown(value, 'seconds')}"))
            x += width
    return marks


def _larger(figure: dict[str, Any]) -> float:
    return max(figure["generator"] or 0.0, figure["plimsoll"] or 0.0)


def _scaled(value: float, largest: float) -> float:
    return round((_WIDTH - _LABEL - _VALUE) * value / largest, 1)


def _bar(x: float, y: float, width: float, color: str, title: str) -> str:
    place = f'x="{x:.1f}" y="{y}" width="{width}" height="{_BAR}"'
    return f'<rect {place} fill="{color}"><title>{escape(title)}</title></rect>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}">{escape(text)}</text>'


def _svg(height: int, title: str, marks: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(marks)}</svg>"
    )
