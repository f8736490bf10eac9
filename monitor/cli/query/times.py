"""Times on the command line: RFC 3339, Unix seconds, or how long ago."""

from __future__ import annotations

from monitor.api.time_parameters import parse_time_ms
from monitor.model.durations import parse_duration_ms

STEPS = 120
"""So many steps a range has if none are asked for: what a terminal has room for."""


def parse_when_ms(text: str, now_ms: int) -> int:
    """`2026-01-02T03:04:05Z`, `1700000000.5`, `now`, or a duration such as `90m`: so long ago.

    Raises ValueError naming got and wanted.
    """
    if text in ("", "now"):
        return now_ms
    try:
        return parse_time_ms(text)
    except ValueError:
        pass
    try:
        return now_ms - parse_duration_ms(text)
    except ValueError:
        raise ValueError(
            f"got {text!r}, want RFC 3339, Unix seconds or a duration such as 90m for so long ago"
        ) from None


def parse_step_ms(text: str, span_ms: int) -> int:
    """A duration or seconds; by default so that `span_ms` has about STEPS steps of whole seconds. Raises ValueError."""
    if not text:
        return max(1, round(span_ms / STEPS / 1000)) * 1000
    try:
        step_ms = round(float(text) * 1000)
    except ValueError:
        step_ms = parse_duration_ms(text)
    if step_ms <= 0:
        raise ValueError(f"got {text!r}, want a step longer than 0")
    return step_ms


def seconds_text(time_ms: int) -> str:
    return f"{time_ms / 1000:.3f}".rstrip("0").rstrip(".")
