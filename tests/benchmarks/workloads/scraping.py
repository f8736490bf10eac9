"""What it costs to scrape a fleet: CPU, memory, disk. Each system by itself, from an empty directory, in turn."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from comparison.bench import Bench, ScrapeSize
from comparison.figures import Against, Figure, Measured, Must
from comparison.fleet_server import FLEET_JOB, served_fleet
from comparison.process_usage import folder_bytes
from comparison.systems import Installed, System, started

SETTLE_SECONDS = 5
"""Some show what is new only after a flush of a few seconds."""
FIRST_SCRAPES_SECONDS_MAX = 60
CPU_LIMIT = 0.6
RESIDENT_LIMIT = 1.0
MISSING_SHARE_MAX = 0.01
_EVERYWHERE = f'process_cpu_seconds_total{{job="{FLEET_JOB}"}}'
"""One series of each target."""


@dataclass(frozen=True, slots=True)
class ScrapeRun:
    """One system's figures of one round. Samples are those that targets expose, without `up` and the like."""

    cpu_seconds_per_million: float | None
    resident_bytes_per_series: float
    disk_bytes_per_sample: float | None
    missing_share: float


def measure_many_series(bench: Bench) -> Measured:
    return _measure(bench, bench.sizes.many_series, with_cpu_limit=True)


def measure_many_targets(bench: Bench) -> Measured:
    return _measure(bench, bench.sizes.many_targets, with_cpu_limit=True)


def measure_resident(bench: Bench) -> Measured:
    return _measure(bench, bench.sizes.resident, with_cpu_limit=False)


def _measure(bench: Bench, size: ScrapeSize, *, with_cpu_limit: bool) -> Measured:
    runs: dict[str, list[ScrapeRun]] = {installed.kind.name: [] for installed in bench.systems}
    with served_fleet(size.series, size.interval_ms) as fleet:
        config = fleet.config(size.targets, size.interval_ms)
        for number in range(size.rounds):
            for installed in bench.systems:
                bench.say(f"{size.text}, round {number + 1} of {size.rounds}: {installed.kind.title}")
                runs[installed.kind.name].append(scrape_once(bench, installed, config, size))
    return Measured(_figures(f"scrape: {size.text}", runs, with_cpu_limit=with_cpu_limit))


def scrape_once(bench: Bench, installed: Installed, config: str, size: ScrapeSize) -> ScrapeRun:
    """One system from an empty directory, for the `seconds` of `size` after its warm-up."""
    folder = bench.folder / "scraping"
    try:
        with started([installed], folder, config) as (system,):
            return _watch(system, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _watch(system: System, size: ScrapeSize) -> ScrapeRun:
    began = _wait_until_scraped(system, size)
    time.sleep(size.warm_up_seconds)
    before = system.usage()
    time.sleep(size.seconds)
    after, end = system.usage(), time.time()
    window_ms = int((after.at - before.at) * 1000)
    time.sleep(SETTLE_SECONDS)
    scrapes = system.number(f"sum(count_over_time({_EVERYWHERE}[{window_ms}ms]))", end)
    missing_share = 1 - scrapes / (size.targets * window_ms / size.interval_ms)
    system.stop()
    samples = scrapes * size.series
    all_samples = samples * (time.monotonic() - began) * 1000 / window_ms
    return ScrapeRun(
        cpu_seconds_per_million=(after.cpu_seconds - before.cpu_seconds) / samples * 1e6 if samples else None,
        resident_bytes_per_series=after.resident_bytes / size.active_series,
        disk_bytes_per_sample=folder_bytes(system.data) / all_samples if samples else None,
        missing_share=max(missing_share, 0.0),
    )


def _wait_until_scraped(system: System, size: ScrapeSize) -> float:
    """When each target had been scraped: Prometheus does not begin before five seconds. On the monotonic clock."""
    deadline = time.monotonic() + FIRST_SCRAPES_SECONDS_MAX + size.interval_ms / 1000
    while (now := time.monotonic()) < deadline and system.number(f"count({_EVERYWHERE})") < size.targets:
        time.sleep(0.5)
    return now


def _figures(workload: str, runs: Mapping[str, Sequence[ScrapeRun]], *, with_cpu_limit: bool) -> tuple[Figure, ...]:
    def medians(read: Callable[[ScrapeRun], float | None]) -> dict[str, float | None]:
        return {name: median(list(map(read, of_system))) for name, of_system in runs.items()}

    return (
        Figure(
            workload,
            "CPU per million samples",
            "s",
            medians(lambda run: run.cpu_seconds_per_million),
            Must(CPU_LIMIT) if with_cpu_limit else None,
        ),
        Figure(
            workload,
            "resident memory per active series",
            "bytes",
            medians(lambda run: run.resident_bytes_per_series),
            Must(RESIDENT_LIMIT),
        ),
        Figure(workload, "disk a sample, as written", "bytes", medians(lambda run: run.disk_bytes_per_sample)),
        Figure(
            workload,
            "scrapes missing",
            "share",
            medians(lambda run: run.missing_share),
            Must(MISSING_SHARE_MAX, Against.NOTHING),
        ),
    )


def median(values: Sequence[float | None]) -> float | None:
    """Of those that could be measured."""
    measured = [value for value in values if value is not None]
    return statistics.median(measured) if measured else None
