"""How many cells of a report agree, figure by figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.loadtest.shown_figures import COLUMNS

_EXACT = ("requests", "errors", "bytes")
SUMMARIZED = (*(name for name, _ in COLUMNS), *_EXACT)


@dataclass(frozen=True, slots=True)
class Agreement:
    """`compared` cells have both sides, of which `agreeing` agree, `by_derived_part` of these only with a part that was
    not measured; `largest_rest_ratio` is of the reference."""

    name: str
    compared: int
    agreeing: int
    by_derived_part: int
    largest_rest_ratio: float


def agreements(cells: Sequence[dict[str, Any]]) -> list[Agreement]:
    """Figures that no cell compares are left out."""
    found = []
    for name in SUMMARIZED:
        compared = [cell[name] for cell in cells if cell.get(name) and cell[name]["agrees"] is not None]
        if compared:
            agreeing = sum(figure["agrees"] for figure in compared)
            derived = sum(figure["agrees_by_derived_part"] for figure in compared)
            found.append(Agreement(name, len(compared), agreeing, derived, max(map(_rest_ratio, compared))))
    return found


def _rest_ratio(figure: dict[str, Any]) -> float:
    """1 for what is not there at all."""
    if figure["rest"] is None:
        return 1.0
    reference = figure["plimsoll"] - figure["difference"]
    return abs(figure["rest"]) / abs(reference) if reference else 0.0
