"""What it costs to take a fleet's history by remote write. The systems take turns, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Sequence

from comparison.bench import Bench
from comparison.figures import Better, Figure, Must
from comparison.systems import System
from comparison.write_requests import WrittenHistory

PIECES = 12
SETTLE_SECONDS = 5
"""Merging what was taken belongs to the costs of taking it."""
CPU_LIMIT = 1.0


def load(bench: Bench, systems: Sequence[System], history: WrittenHistory, workload: str) -> tuple[Figure, ...]:
    """All of the history goes into each of the systems."""
    before = {system.name: system.usage() for system in systems}
    seconds = dict.fromkeys(before, 0.0)
    length = -(-len(history.bodies) // PIECES)
    for start in range(0, len(history.bodies), length):
        bench.say(f"remote write: {start / len(history.bodies):.0%} of {history.samples:,} samples")
        bodies = [path.read_bytes() for path in history.bodies[start : start + length]]
        for system in systems:
            seconds[system.name] += _write(system, bodies)
    time.sleep(SETTLE_SECONDS)
    after = {system.name: system.usage() for system in systems}
    millions = history.samples / 1e6
    cpu = {name: (after[name].cpu_seconds - before[name].cpu_seconds) / millions for name in before}
    rates = {name: history.samples / seconds[name] for name in before}
    resident = {name: after[name].resident_bytes / history.series for name in before}
    return (
        Figure(workload, "CPU per million samples", "s", cpu, Must(CPU_LIMIT)),
        Figure(workload, "samples a second over one connection", "", rates, better=Better.HIGHER),
        Figure(workload, "resident memory per series afterwards", "bytes", resident),
    )


def _write(system: System, bodies: Sequence[bytes]) -> float:
    """Seconds until all are acknowledged."""
    started = time.monotonic()
    for body in bodies:
        system.write(body)
    return time.monotonic() - started
