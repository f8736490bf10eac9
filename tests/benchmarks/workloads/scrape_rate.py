"""How many samples a second can be scraped with nothing missed, beside the fleet that serves them. Ours alone.

The same targets are scraped at shorter and shorter intervals, until scrapes are missing.
"""

from __future__ import annotations

from dataclasses import replace

from comparison.bench import Bench
from comparison.figures import OURS, Against, Better, Figure, Measured, Must
from comparison.fleet_server import served_fleet
from workloads.scraping import MISSING_SHARE_MAX, scrape_once

INTERVALS_MS = (400, 200, 133, 100, 80, 66, 57, 50)
RATE_MUST = 1_000_000


def measure_scrape_rate(bench: Bench) -> Measured:
    size = bench.sizes.scrape_rate
    (ours,) = (installed for installed in bench.systems if installed.kind.name == OURS)
    rate, cores = 0.0, 0.0
    for interval_ms in INTERVALS_MS:
        tried = replace(size, interval_ms=interval_ms)
        bench.say(f"{tried.text}: {_samples_per_second(tried.active_series, interval_ms):,.0f} samples a second")
        with served_fleet(tried.series, interval_ms) as fleet:
            run = scrape_once(bench, ours, fleet.config(tried.targets, interval_ms), tried)
        if run.missing_share > MISSING_SHARE_MAX or run.cpu_seconds_per_million is None:
            break
        rate = _samples_per_second(tried.active_series, interval_ms)
        cores = run.cpu_seconds_per_million * rate / 1e6
    workload = f"scrape rate: {size.targets:,} x {size.series:,} series, ever faster"
    must = Must(RATE_MUST, Against.NOTHING)
    return Measured(
        (
            Figure(workload, "samples a second with nothing missed", "", {OURS: rate}, must, Better.HIGHER),
            Figure(workload, "CPU taken at that rate", "cores", {OURS: cores}),
        )
    )


def _samples_per_second(series: int, interval_ms: int) -> float:
    return series * 1000 / interval_ms
