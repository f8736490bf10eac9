"""How long a system takes to come back with its history, after a clean stop and after SIGKILL."""

from __future__ import annotations

import signal
import statistics
from collections.abc import Sequence

from comparison.bench import Bench
from comparison.figures import Figure, Must
from comparison.systems import System
from comparison.write_requests import WrittenHistory

START_LIMIT = 0.5
CLEAN, KILLED = "a clean stop", "SIGKILL"
_SIGNALS = {CLEAN: signal.SIGTERM, KILLED: signal.SIGKILL}


def restart(
    bench: Bench, systems: Sequence[System], history: WrittenHistory, after: str, times: int, workload: str
) -> Figure:
    """Ready is who gives the right answer to a first question about the history."""

    def is_ready(system: System) -> bool:
        return system.number("count(up)", history.end) == history.shape.instances

    seconds: dict[str, list[float]] = {system.name: [] for system in systems}
    for number in range(times):
        for system in systems:
            bench.say(f"start after {after}, {number + 1} of {times}: {system.title}")
            system.stop(_SIGNALS[after])
            seconds[system.name].append(system.start(is_ready))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    return Figure(workload, f"start until ready after {after}", "s", medians, Must(START_LIMIT))
