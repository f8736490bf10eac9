"""Counts and sums of a GC log by means as plain as can be: what a person would do with grep and awk."""

from __future__ import annotations

import re
from decimal import Decimal

_GO_CLOCK = re.compile(r": ([0-9.]+)\+[0-9.]+\+([0-9.]+) ms clock")


def pauses_ms(runtime: str, text: str) -> list[Decimal]:
    """Every pause in the log, in milliseconds."""
    if runtime == "go":
        return [Decimal(number) for pair in _GO_CLOCK.findall(text) for number in pair]
    if runtime == "node":
        return [Decimal(line.split(" / ")[0].split()[-1]) for line in text.splitlines() if " / " in line]
    ends = [line for line in text.splitlines() if " Pause " in line and line.endswith("ms")]
    return [Decimal(line.split()[-1].removesuffix("ms")) for line in ends]


def safepoint_total_ns(text: str) -> tuple[int, int]:
    """How many safepoints, and the sum of their totals."""
    totals = [int(line.split("Total: ")[1].split(" ns")[0]) for line in text.splitlines() if 'Safepoint "' in line]
    return len(totals), sum(totals)
