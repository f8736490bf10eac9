"""Figures as people read them."""

from __future__ import annotations

from typing import Any

# Key in the JSON, heading.
COLUMNS = (
    ("qps", "QPS"),
    ("latency_average", "Average latency"),
    ("latency_p50", "p50"),
    ("latency_p99", "p99"),
    ("memory", "Memory after the run"),
    ("memory_max", "Most memory under load"),
    ("cpu", "CPU"),
    ("error_rate", "Error rate"),
    ("non_2xx", "Non-2xx"),
    ("throughput", "Throughput"),
    ("connection_setup", "Connection set-up"),
    ("connections", "Connections"),
    ("connection_reuse", "Requests a connection"),
    ("gc_pauses", "GC pauses"),
    ("gc_pause_time", "GC pause time"),
)
ABSENT = "–"


def shown(value: float | None, unit: str) -> str:
    """`value` in `unit` (figures.Unit) with three or four digits; a dash if there is none."""
    if value is None:
        return ABSENT
    if value == 0 and unit != "share":
        return "0"
    if unit in ("bytes", "bytes per second"):
        return _bytes(value) + ("/s" if unit.endswith("second") else "")
    if unit == "seconds":
        return _seconds(value)
    if unit == "share":
        return f"{value:.3%}" if value else "0 %"
    if unit == "cores":
        return f"{value:.2f}"
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def shown_ours(figure: dict[str, Any]) -> str:
    """Ours, and what the server has shown if a service has stored something else."""
    ours = shown(figure["plimsoll"], figure["unit"])
    if figure.get("stored_as_shown") is not False:
        return ours
    least, most = (shown(figure["shown"][key], figure["unit"]) for key in ("least", "most"))
    return f"{ours} stored, {least if least == most else f'{least} to {most}'} shown by the server"


def shown_difference(figure: dict[str, Any]) -> str:
    """With a sign, and by how many per cent where that says something."""
    difference = figure["difference"]
    if difference is None:
        return ABSENT
    if difference == 0:
        return "0"
    reference = figure["plimsoll"] - difference
    text = f"{'+' if difference > 0 else '−'}{shown(abs(difference), figure['unit'])}"
    return f"{text} ({difference / reference:+.2%})".replace("-", "−") if reference else text


def shown_reference(figure: dict[str, Any]) -> str:
    """The generator's figure, or the kernel's or what the server itself has shown, which is then said."""
    unit = figure["unit"]
    if figure["generator"] is not None:
        return shown(figure["generator"], unit)
    if figure.get("proc") is not None:
        return f"{shown(figure['proc'], unit)} (/proc)"
    if figure["difference"] is not None:
        return f"{shown(figure['plimsoll'] - figure['difference'], unit)} (/metrics)"
    return ABSENT


def verdict(figure: dict[str, Any]) -> str:
    """One word: whether the two agree, with what explains their difference."""
    if figure["agrees"] is None:
        return ""
    return "agree" if figure["agrees"] else "DIFFER"


def _bytes(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} B"


def _seconds(value: float) -> str:
    if abs(value) >= 1:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if abs(value) >= 1e-3 else f"{value * 1e6:.3g} µs"
