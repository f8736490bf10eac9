"""How punctual scrapes are while heavy queries run.

A fleet of targets is scraped once a second. The figure is the deviation of the time between two scrapes of the same
target from the interval: of their arrivals at the target, and of the timestamps that the samples got. It is taken
three times: without queries, while clients ask for hours of all series again and again, and under a storm of panels.

usage: python tests/benchmarks/scrape_jitter.py [--targets 200] [--series 500] [--seconds 30] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from api_server import ApiClient
from query_storm import HISTORY_METRIC, HISTORY_SECONDS, HISTORY_STEP_SECONDS, query_storm
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scraped_fleet import Fleet, scraped_fleet, series_labels
from service_process import ServiceProcess

INTERVAL_MS = 1000
DEVIATION_P99_MS_MAX = 100
PHASES = {"no queries": 0, "spans": 4, "dashboards": 12}
"""How many clients ask at the same time."""


def write_history(client: ApiClient, series: int, end_ms: int) -> None:
    """Hours of a few series, one request for each twenty of them."""
    steps = HISTORY_SECONDS // HISTORY_STEP_SECONDS
    times_ms = [end_ms - step * HISTORY_STEP_SECONDS * 1000 for step in reversed(range(steps))]
    for first in track(range(0, series, 20), "Writing history", console=Console(stderr=True)):
        rows = [
            ({"__name__": HISTORY_METRIC, **series_labels(number)}, _counter(number, times_ms))
            for number in range(first, min(first + 20, series))
        ]
        reply = client.write(rows)
        assert reply.status == 204, reply.body


def _counter(number: int, times_ms: Sequence[int]) -> dict[int, float]:
    return {at_ms: float(row * (number % 7 + 1) + (row * number) % 13) for row, at_ms in enumerate(times_ms)}


def deviations_ms(times_ms: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """How far the times between two scrapes of a target are from the interval, for all targets."""
    gaps = [np.diff(np.sort(np.array(of_target))) for of_target in times_ms]
    result: NDArray[np.float64] = np.abs(np.concatenate(gaps) - INTERVAL_MS)
    return result


def stored_times_ms(client: ApiClient, start: float, end: float) -> list[list[float]]:
    """The timestamps that the scrapes of each target got."""
    found = client.get("query", query=f"up[{int((end - start) * 1000)}ms]", time=f"{end:.3f}").data["result"]
    return [[pair[0] * 1000 for pair in series["values"]] for series in found]


def figures_of(values: NDArray[np.float64]) -> dict[str, float]:
    p50, p99, p999 = np.percentile(values, [50, 99, 99.9])
    return {
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "p99.9_ms": round(float(p999), 2),
        "max_ms": round(float(values.max()), 2),
    }


def measure(service: ServiceProcess, fleet: Fleet, phase: str, seconds: float) -> dict[str, Any]:
    clients = PHASES[phase]
    with query_storm(service.client.url, clients, phase, time.time()) as queries:
        time.sleep(1)
        fleet.scrapes_ms()
        start, cpu = time.time(), service.cpu_seconds()
        time.sleep(seconds)
        arrivals, end, cpu = fleet.scrapes_ms(), time.time(), service.cpu_seconds() - cpu
    return {
        "arrivals": figures_of(deviations_ms(arrivals.values())),
        "timestamps": figures_of(deviations_ms(stored_times_ms(service.client, start, end))),
        "scrapes": sum(map(len, arrivals.values())),
        "cores": round(cpu / (end - start), 2),
        "queries": queries,
    }


def run(targets: int, series: int, seconds: float, history: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="scrape-jitter-") as directory, scraped_fleet(series) as fleet:
        service = ServiceProcess(Path(directory), fleet.scrape_configs(targets, INTERVAL_MS))
        try:
            service.start()
            write_history(service.client, history, time.time_ns() // 1_000_000)
            time.sleep(10)  # every target has been scraped with its layout known
            return {phase: measure(service, fleet, phase, seconds) for phase in PHASES}
        finally:
            service.end()


def show(report: Mapping[str, Any]) -> None:
    table = Table("", "measured at", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "scrapes", "cores", "queries")
    for phase, figures in report.items():
        for place in ("arrivals", "timestamps"):
            values = [f"{value:g}" for value in figures[place].values()]
            queries = ", ".join(f"{name} {value:g}" for name, value in figures["queries"].items())
            table.add_row(phase, place, *values, str(figures["scrapes"]), str(figures["cores"]), queries)
    Console(width=160).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--series", type=int, default=500, help="of each target")
    parser.add_argument("--history", type=int, default=1000, help="series of hours of samples")
    parser.add_argument("--seconds", type=float, default=30, help="of each of the three measurements")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    report = run(arguments.targets, arguments.series, arguments.seconds, arguments.history)
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))
    worst = max(report[phase]["arrivals"]["p99_ms"] for phase in PHASES)
    sys.exit(0 if worst <= DEVIATION_P99_MS_MAX else 1)


if __name__ == "__main__":
    main()
