"""Kills the service again and again under load, and checks through its API what is left of what it had taken.

A fleet of scraped targets and a remote-write client make samples that each say when they were made, so that every one
that is stored can be checked by itself. After each SIGKILL the service is started again and is asked for everything
since the kill before:

- each remote-written sample that was acknowledged is there, with its value
- how long before the kill the oldest scrape arrived of which nothing is stored
- no value is wrong, no row of a scrape is there in part
- what was checked after one kill gives the same answer after the next, and at the end

usage: python tests/benchmarks/kill_under_load.py [--kills 100] [--targets 20] [--series 500] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from api_server import ApiClient
from raw_samples import RawSamples, read_samples
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scraped_fleet import METRIC, Fleet, scraped_fleet, series_labels, value_of
from service_process import ServiceProcess

INTERVAL_MS = 200
COMMIT_INTERVAL_SECONDS = 1.0
WRITTEN_METRIC = "written_value"
WRITTEN_SERIES = 200
LIFE_SECONDS = (0.3, 3.5)
CONFIG = "storage: {block_span: 1m}  # chunks become slabs within the run\n"


class Writer(threading.Thread):
    """Sends rows of samples of now by remote write, in bursts. A row that is not acknowledged is not sent again: it
    may be stored or not, and stays so."""

    def __init__(self, client: Callable[[], ApiClient], seed: int) -> None:
        super().__init__(name="remote writer", daemon=True)
        self._client = client
        self._random = random.Random(seed)
        self._is_over = threading.Event()
        self.sent_ms: list[int] = []
        self.acknowledged_ms: list[int] = []

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        at_ms = 0
        while not self._is_over.is_set():
            at_ms = max(at_ms + 1, time.time_ns() // 1_000_000)
            self._write(at_ms)
            # Acknowledging forces a commit: without pauses scrapes would never wait for one.
            if self._random.random() < 0.2:
                self._is_over.wait(self._random.uniform(0, 3))

    def _write(self, at_ms: int) -> None:
        self.sent_ms.append(at_ms)
        rows = [
            ({"__name__": WRITTEN_METRIC, **series_labels(series)}, {at_ms: float(value_of(at_ms, series))})
            for series in range(WRITTEN_SERIES)
        ]
        try:
            if self._client().write(rows).status == 204:
                self.acknowledged_ms.append(at_ms)
        except (OSError, HTTPException):
            self._is_over.wait(0.05)  # the service was just killed


@dataclass(frozen=True, slots=True)
class Window:
    """What was stored between two kills, `after_ms` exclusive, `until_ms` inclusive."""

    after_ms: int
    until_ms: int
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill did. Times in seconds before it; `rows` are scrapes of one target."""

    life_seconds: float
    start_seconds: float
    lost_seconds: float
    lost_rows: int
    failed_rows: int
    """Scrapes that arrived at their target and are missing among later ones that are there: they took too long."""


@dataclass(slots=True)
class Findings:
    """What all kills together left."""

    kills: list[Kill] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    samples: int = 0
    wrong_samples: int = 0
    torn_rows: int = 0
    changed_windows: int = 0
    acknowledged_samples: int = 0
    acknowledged_lost: int = 0

    def is_good(self) -> bool:
        damage = (self.wrong_samples, self.torn_rows, self.changed_windows, self.acknowledged_lost)
        return not any(damage) and max(kill.lost_seconds for kill in self.kills) <= 2 * COMMIT_INTERVAL_SECONDS


class Trial:
    """One service and its load."""

    def __init__(self, service: ServiceProcess, fleet: Fleet, targets: int, seed: int) -> None:
        self._service = service
        self._fleet = fleet
        self._targets = targets
        self._random = random.Random(seed)
        self._writer = Writer(lambda: service.client, seed)
        self._window_start_ms = time.time_ns() // 1_000_000
        self._checked_acknowledged = 0
        self.findings = Findings()

    def begin(self) -> None:
        self._service.start()
        self._writer.start()

    def kill_once(self) -> None:
        """Lets it live for a while, kills it, starts it again and checks what it has."""
        life_seconds = self._random.uniform(*LIFE_SECONDS)
        time.sleep(life_seconds)
        killed_ms = time.time_ns() // 1_000_000
        self._service.kill()
        scrapes = {target: [int(at) for at in times] for target, times in self._fleet.scrapes_ms().items()}
        start_seconds = self._service.start()
        stored = self._read(self._window_start_ms, killed_ms)
        self._check_acknowledged(stored[WRITTEN_METRIC], killed_ms)
        self._check_values(scrapes, stored)
        lost, failed = self._missing(scrapes, stored)
        lost_seconds = (killed_ms - min(lost)) / 1000 if lost else 0.0
        self.findings.kills.append(Kill(life_seconds, start_seconds, lost_seconds, len(lost), failed))
        if self.findings.windows:
            self._check_again(self.findings.windows[-1])
        digests = {selector: samples.digest() for selector, samples in stored.items()}
        self.findings.windows.append(Window(self._window_start_ms, killed_ms, digests))
        self._window_start_ms = killed_ms

    def end(self) -> None:
        """Asks for everything once more."""
        self._writer.stop()
        for window in self.findings.windows:
            self._check_again(window)

    def _selectors(self) -> list[str]:
        return [WRITTEN_METRIC, *map(_selector, range(self._targets))]

    def _read(self, after_ms: int, until_ms: int) -> dict[str, RawSamples]:
        client = self._service.client
        return {selector: read_samples(client, selector, after_ms, until_ms) for selector in self._selectors()}

    def _check_acknowledged(self, stored: RawSamples, killed_ms: int) -> None:
        known = self._writer.acknowledged_ms
        rows = [at_ms for at_ms in known[self._checked_acknowledged :] if at_ms <= killed_ms]
        self._checked_acknowledged += len(rows)
        expected = {(series, at_ms) for at_ms in rows for series in range(WRITTEN_SERIES)}
        found = set(zip(stored.series.tolist(), stored.timestamps_ms.tolist(), strict=True))
        self.findings.acknowledged_samples += len(expected)
        self.findings.acknowledged_lost += len(expected - found)

    def _check_values(self, scrapes: Mapping[int, Sequence[int]], stored: Mapping[str, RawSamples]) -> None:
        findings = self.findings
        made_ms = {_selector(target): times for target, times in scrapes.items()}
        made_ms[WRITTEN_METRIC] = self._writer.sent_ms
        for selector, samples in stored.items():
            findings.samples += len(samples.values)
            findings.wrong_samples += samples.wrong(made_ms.get(selector, ()))
            findings.torn_rows += samples.torn()

    def _missing(self, scrapes: Mapping[int, Sequence[int]], stored: Mapping[str, RawSamples]) -> tuple[list[int], int]:
        """When the scrapes arrived that are lost at the end, and how many are missing before that."""
        lost: list[int] = []
        failed = 0
        for target, arrived in scrapes.items():
            made = set(stored[_selector(target)].made_ms.tolist())
            newest = max(made, default=0)
            missing = [at for at in arrived if at not in made]
            lost += [at for at in missing if at > newest]
            failed += sum(at < newest for at in missing)
        return lost, failed

    def _check_again(self, window: Window) -> None:
        now = self._read(window.after_ms, window.until_ms)
        same = all(now[selector].digest() == digest for selector, digest in window.digests.items())
        self.findings.changed_windows += not same


def _selector(target: int) -> str:
    return f'{METRIC}{{target="{target}"}}'


def run(kills: int, targets: int, series: int, seed: int) -> Findings:
    with tempfile.TemporaryDirectory(prefix="kill-under-load-") as directory, scraped_fleet(series) as fleet:
        service = ServiceProcess(Path(directory), CONFIG + fleet.scrape_configs(targets, INTERVAL_MS))
        trial = Trial(service, fleet, targets, seed)
        try:
            trial.begin()
            for _ in track(range(kills), "Killing", console=Console(stderr=True)):
                trial.kill_once()
            trial.end()
        finally:
            service.end()
        return trial.findings


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return {"median": round(statistics.median(ordered), 3), "p90": round(p90, 3), "max": round(ordered[-1], 3)}


def report(findings: Findings) -> dict[str, object]:
    kills = findings.kills
    return {
        "kills": len(kills),
        "start_seconds": percentiles([kill.start_seconds for kill in kills]),
        "lost_seconds_before_kill": percentiles([kill.lost_seconds for kill in kills]),
        "lost_scrapes_per_kill": percentiles([kill.lost_rows for kill in kills]),
        "failed_scrapes_per_life": percentiles([kill.failed_rows for kill in kills]),
        "samples_checked": findings.samples,
        "wrong_samples": findings.wrong_samples,
        "torn_rows": findings.torn_rows,
        "answers_changed_by_a_later_kill": findings.changed_windows,
        "acknowledged_samples": findings.acknowledged_samples,
        "acknowledged_samples_lost": findings.acknowledged_lost,
        "is_good": findings.is_good(),
        "each_kill": [asdict(kill) for kill in kills],
    }


def show(figures: Mapping[str, object]) -> None:
    table = Table("", "median", "p90", "max", title=f"{figures['kills']} kills under load")
    for name, value in figures.items():
        if isinstance(value, dict):
            table.add_row(name, *(f"{value[key]:g}" for key in ("median", "p90", "max")))
        elif name not in ("kills", "each_kill"):
            table.add_row(name, "", "", str(value))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = report(run(arguments.kills, arguments.targets, arguments.series, arguments.seed))
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    sys.exit(0 if figures["is_good"] else 1)


if __name__ == "__main__":
    main()
