"""What the cells of a report come to. A cell is as monitor/loadtest/cell_json.py writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

# Compared with /proc, so that no figure of the generator says that there is something to compare.
_COMPARED_WITH_PROC = ("memory", "memory_max", "cpu")


def differing(cell: dict[str, Any]) -> list[str]:
    """The figures whose difference is not explained."""
    return [name for name, figure in _figures(cell) if figure["agrees"] is False]


def not_judged(cell: dict[str, Any]) -> list[str]:
    """The figures that have something to be compared with, and were not."""
    return [
        name
        for name, figure in _figures(cell)
        if figure["agrees"] is None and (figure["generator"] is not None or name in _COMPARED_WITH_PROC)
    ]


def cell_verdict(cell: dict[str, Any]) -> str:
    """`19 agree`, then by name what differs and what was not judged."""
    agreeing = sum(figure["agrees"] is True for _, figure in _figures(cell))
    texts = [f"{agreeing} agree"]
    for names, what in ((differing(cell), "differ"), (not_judged(cell), "not judged")):
        if names:
            texts.append(f"{len(names)} {what}: {', '.join(names)}")
    return "; ".join(texts)


def report_verdict(cells: Sequence[dict[str, Any]], cells_wanted: int) -> list[str]:
    """How many cells there are, and how often each figure differs or was not judged; a text for each."""
    texts = [f"{len(cells)} of {cells_wanted} cells"]
    for find, what in ((differing, "that differ"), (not_judged, "not judged")):
        times = Counter(name for cell in cells for name in find(cell))
        where = ", ".join(f"{name} in {count}" for name, count in times.items())
        texts.append(f"figures {what}: {times.total()}" + (f" ({where})" if where else ""))
    return texts


def _figures(cell: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, value) for name, value in cell.items() if isinstance(value, dict) and "agrees" in value)
