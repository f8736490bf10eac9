"""What the series of old blocks cost in memory: the same fleet is scraped with and without them. Ours alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from comparison.bench import Bench, DeadSeriesSize
from comparison.figures import OURS, Against, Figure, Measured, Must
from comparison.fleet_server import FLEET_JOB, served_fleet
from comparison.systems import Installed, System

from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.storage.blocks.block_writer import BlockWriter
from monitor.storage.blocks.pieces import Piece

DAY_MS = 86_400_000
BLOCK_DAYS_MAX = 12
SERIES_PER_SOURCE = 1_000
METRICS_PER_SOURCE = 10
SAMPLES = 4
MEMORY_RATIO_LIMIT = 1.3
_SELECTOR = f'{{job="{FLEET_JOB}"}}'


def measure_dead_series(bench: Bench) -> Measured:
    size = bench.sizes.dead_series
    (ours,) = (installed for installed in bench.systems if installed.kind.name == OURS)
    resident_bytes = {}
    with served_fleet(size.live.series, size.live.interval_ms) as fleet:
        config = fleet.config(size.live.targets, size.live.interval_ms)
        for dead in (0, size.dead):
            bench.say(f"{size.live.active_series:,} live series beside {dead:,} dead ones")
            resident_bytes[dead] = _scraped(bench.folder / "dead-series", ours, config, replace(size, dead=dead))
    workload = f"dead series: {size.dead:,} beside {size.live.active_series:,} live ones"
    ratio = resident_bytes[size.dead] / resident_bytes[0]
    must = Must(MEMORY_RATIO_LIMIT, Against.NOTHING)
    megabytes = {OURS: resident_bytes[size.dead] / 1e6}
    return Measured(
        (
            Figure(workload, "resident memory, with the dead ones / without", "x", {OURS: ratio}, must),
            Figure(workload, "resident memory, with the dead ones", "MB", megabytes),
        )
    )


def _scraped(folder: Path, ours: Installed, config: str, size: DeadSeriesSize) -> int:
    """Resident bytes after questions about the newest samples, with history of `size.dead` series on the disk."""
    try:
        system = ours.kind(ours.program, folder, config)
        (system.data / "blocks").mkdir()
        write_dead_series(system.data / "blocks", size.dead, size.blocks, int(time.time() * 1000))
        try:
            system.start()
            time.sleep(size.live.warm_up_seconds)
            for _ in range(size.live.rounds):
                _ask(system)
            time.sleep(size.live.seconds)
            return system.usage().resident_bytes
        finally:
            system.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ask(system: System) -> None:
    """What dashboards ask: the fleet as it is, its last days hour by hour, and which values their menus have."""
    now = time.time()
    days = {"start": str(now - BLOCK_DAYS_MAX * DAY_MS / 1000), "end": str(now), "step": "3600"}
    system.instant(f"count({_SELECTOR})")
    system.instant(f"topk(10, sum by (zone) (process_resident_memory_bytes{_SELECTOR}))")
    system.ask("/api/v1/query_range", query=f"sum(rate(process_cpu_seconds_total{_SELECTOR}[1m]))", **days)
    system.ask("/api/v1/label/instance/values", **{"match[]": _SELECTOR})
    system.ask("/api/v1/label/job/values")


def write_dead_series(folder: Path, series: int, blocks: int, now_ms: int) -> None:
    """Blocks of a day each, the youngest two days old, with `series` different series in all."""
    sources = series // SERIES_PER_SOURCE
    for number in range(blocks if sources else 0):
        start_ms = (now_ms // DAY_MS - 2 - number) * DAY_MS
        timestamps_ms = start_ms + np.arange(SAMPLES) * 15_000
        writer = BlockWriter(folder / f"{timestamps_ms[0]}-{timestamps_ms[-1]}-{number:012d}.sqlite")
        for source in range(number, sources, blocks):
            writer.add_source(f"dead-{source}", _labels(source), _pieces(timestamps_ms))
        writer.finish({"level": 3, "sequence": number + 1, "erased": number + 1, "parents": []})


def _labels(source: int) -> LabelFrame:
    """The series of one target: some metrics, each by path."""
    paths = SERIES_PER_SOURCE // METRICS_PER_SOURCE
    codes = np.arange(SERIES_PER_SOURCE, dtype=np.int32)
    same = np.ones(SERIES_PER_SOURCE, np.int32)
    metrics = ("", *(f"dead_requests_{number}_total" for number in range(METRICS_PER_SOURCE)))
    columns = {
        "__name__": LabelColumn(codes // paths + 1, metrics),
        "instance": LabelColumn(same, ("", f"10.{source // 65_536}.{source // 256 % 256}.{source % 256}:8080")),
        "job": LabelColumn(same, ("", "dead")),
        "path": LabelColumn(codes % paths + 1, ("", *(f"/page/{number}" for number in range(paths)))),
    }
    return LabelFrame(SERIES_PER_SOURCE, columns)


def _pieces(timestamps_ms: np.ndarray) -> Iterator[Piece]:  # type: ignore[type-arg]
    rows = np.arange(SERIES_PER_SOURCE)
    yield Piece(rows, timestamps_ms, np.add.outer(rows, np.arange(SAMPLES)) * 1.0, is_dense=True)
