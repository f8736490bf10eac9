"""Bytes on the disk once each system has brought what it holds into its final form."""

from __future__ import annotations

import time
from collections.abc import Sequence

from comparison.bench import Bench
from comparison.figures import Figure, Must
from comparison.process_usage import folder_bytes
from comparison.systems import System
from comparison.write_requests import WrittenHistory

STILL_SECONDS = 20
COMPACTION_SECONDS_MAX = 900
DISK_LIMIT = 1.0


def compact(bench: Bench, systems: Sequence[System], seconds: float) -> None:
    """Returns after `seconds`, and when no directory has changed its size for a while."""
    for system in systems:
        system.begin_compaction()
    began = changed = time.monotonic()
    sizes: list[int] = []
    while (now := time.monotonic()) < began + COMPACTION_SECONDS_MAX:
        found = [folder_bytes(system.data) for system in systems]
        if found != sizes:
            sizes, changed = found, now
        if now >= began + seconds and now >= changed + STILL_SECONDS:
            return
        bench.say(f"compaction: {now - began:.0f} s of at least {seconds:.0f} s")
        time.sleep(1)


def disk_figures(systems: Sequence[System], history: WrittenHistory, workload: str) -> tuple[Figure, ...]:
    sealed = {system.name: system.sealed() for system in systems}
    counts = {name: history.samples if each.samples is None else each.samples for name, each in sealed.items()}
    bytes_per_sample = {name: sealed[name].bytes / count if count else None for name, count in counts.items()}
    folders = {system.name: folder_bytes(system.data) / history.samples for system in systems}
    shares = {name: count / history.samples for name, count in counts.items()}
    return (
        Figure(workload, "disk a sample after compaction", "bytes", bytes_per_sample, Must(DISK_LIMIT)),
        Figure(workload, "samples compacted by then", "share", shares),
        Figure(workload, "whole directory a sample", "bytes", folders),
    )
