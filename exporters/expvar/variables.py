"""The numbers a program publishes with package expvar, as series names and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Published by package expvar itself.
_ALWAYS_THERE = frozenset(("cmdline", "memstats"))
_DEPTH_MAX = 4


@dataclass(frozen=True, slots=True)
class Variable:
    """`name`: of the series. `key`: of a map's entry, "" for a number that stands alone."""

    name: str
    key: str
    value: float


@dataclass(frozen=True, slots=True)
class Variables:
    """`dropped`: numbers beyond the limit, and those whose name as a series another one has already."""

    kept: tuple[Variable, ...]
    dropped: int


def variables(page: Mapping[str, Any], variables_max: int, key_length_max: int) -> Variables:
    """`requests` becomes expvar_requests, its entry `/pay` expvar_requests{key="/pay"}. Text and lists are left out."""
    kept: dict[tuple[str, str], Variable] = {}
    dropped = 0
    for path, value in _numbers(page):
        variable = _variable(path, value)
        identity = (variable.name, variable.key)
        if identity in kept or len(kept) >= variables_max or len(variable.key) > key_length_max:
            dropped += 1
            continue
        kept[identity] = variable
    return Variables(tuple(kept.values()), dropped)


def _numbers(page: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, value in page.items():
        if not path and name in _ALWAYS_THERE:
            continue
        if isinstance(value, dict) and len(path) < _DEPTH_MAX:
            yield from _numbers(value, (*path, name))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, name), _as_float(value)


def _variable(path: tuple[str, ...], value: float) -> Variable:
    names, key = (path[:-1], path[-1]) if len(path) > 1 else (path, "")
    return Variable("expvar_" + re.sub(r"[^a-zA-Z0-9_]+", "_", "_".join(names)), key, value)


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
