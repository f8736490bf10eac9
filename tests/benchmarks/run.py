"""Plimsoll against the peers on this machine, in one run: a table on the terminal, Markdown and JSON.

Peers are found by PROMETHEUS and VICTORIAMETRICS, or on the PATH. docs/benchmarks.md says what each figure means.

usage: python tests/benchmarks/run.py [--quick] [--long] [--only NAME]... [--output build/bench]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "support")]

import orjson  # noqa: E402
from comparison.bench import FULL, QUICK, Bench  # noqa: E402  (found by the line above when this runs as a program)
from comparison.figures import Measured  # noqa: E402
from comparison.report import Report, as_json, as_markdown, as_table  # noqa: E402
from comparison.systems import HOW_TO_INSTALL, Installed, System, installed_systems, machine  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402
from workloads import dead_series, history, scrape_rate, scraping  # noqa: E402

MANY_SERIES, MANY_TARGETS, SMALL_INSTANCES, RESIDENT = "many-series", "many-targets", "small-instances", "resident"
AGENT_WRITES, LARGE_START = "agent-writes", "large-start"
LONG = (RESIDENT, LARGE_START)
SCRAPE_RATE, DEAD_SERIES = "scrape-rate", "dead-series"
NAMES = (MANY_SERIES, MANY_TARGETS, *history.PARTS, AGENT_WRITES, SMALL_INSTANCES, SCRAPE_RATE, DEAD_SERIES, *LONG)
TABLE_WIDTH = 200

Workload = Callable[[Bench], Measured]


def chosen_workloads(only: Sequence[str], *, is_long: bool) -> dict[str, Workload]:
    """By what they are called while they run, in order. `only` of NAMES; if it is empty, all but the long ones."""
    names = set(only) or set(NAMES) - (set(LONG) if not is_long else set())
    parts = names & set(history.PARTS)
    workloads: dict[str, Workload] = {
        MANY_SERIES: scraping.measure_many_series,
        MANY_TARGETS: scraping.measure_many_targets,
        "history": lambda bench: history.measure_history(bench, parts),
        AGENT_WRITES: history.measure_agent_writes,
        SMALL_INSTANCES: history.measure_small_instances,
        SCRAPE_RATE: scrape_rate.measure_scrape_rate,
        DEAD_SERIES: dead_series.measure_dead_series,
        RESIDENT: scraping.measure_resident,
        LARGE_START: history.measure_large_start,
    }
    return {name: run for name, run in workloads.items() if name in names or (name == "history" and parts)}


def notes_about(missing: Sequence[type[System]]) -> list[str]:
    if not missing:
        return []
    titles = " and ".join(kind.title for kind in missing)
    return [f"{titles} not found: figures without a peer have no ratio. To install: `{HOW_TO_INSTALL}`"]


def run_all(
    workloads: dict[str, Workload], systems: Sequence[Installed], console: Console, *, is_quick: bool
) -> tuple[list[Measured], list[str]]:
    """What was found, and which workloads failed and why."""
    columns = TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder,
        Progress(*columns, console=console) as progress,
    ):
        task = progress.add_task("", total=len(workloads))
        measured, failures = [], []
        for name, measure in workloads.items():

            def say(text: str, name: str = name) -> None:
                progress.update(task, description=f"[bold]{name}[/] {text}")

            if not console.is_terminal:
                console.print(name)
            bench = Bench(systems, QUICK if is_quick else FULL, Path(folder), say)
            try:
                measured.append(measure(bench))
            except (RuntimeError, OSError, HTTPException, subprocess.SubprocessError) as error:
                failures.append(f"{name} failed: {error}")
                console.print(failures[-1], style="red", markup=False)
            progress.advance(task)
        progress.update(task, description="done")
    return measured, failures


def write(report: Report, output: Path) -> tuple[Path, Path]:
    """OUTPUT.md and OUTPUT.json."""
    output.parent.mkdir(parents=True, exist_ok=True)
    markdown, json = output.with_suffix(".md"), output.with_suffix(".json")
    markdown.write_text(as_markdown(report))
    json.write_bytes(orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2))
    return markdown, json


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, about six minutes")
    parser.add_argument("--long", action="store_true", help=f"{' and '.join(LONG)} too: half an hour for each system")
    parser.add_argument("--only", action="append", choices=NAMES, default=[], help="may be repeated")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench", help="without its ending")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    console = Console()
    systems, missing = installed_systems()
    notes = notes_about(missing)
    for note in notes:
        console.print(note, style="yellow", markup=False)
    workloads = chosen_workloads(arguments.only, is_long=arguments.long)
    begun, started = datetime.now(UTC), time.monotonic()
    measured, failures = run_all(workloads, systems, console, is_quick=arguments.quick)
    report = Report(
        mode="quick: sizes too small for a verdict" if arguments.quick else "full",
        begun=f"{begun:%Y-%m-%d %H:%M} UTC",
        seconds=time.monotonic() - started,
        machine=machine(),
        systems={each.kind.name: each.kind.title for each in systems},
        versions={each.kind.name: each.version for each in systems},
        notes=[*notes, *failures],
        measured=measured,
    )
    Console(width=None if console.is_terminal else TABLE_WIDTH).print(as_table(report))
    for path in write(report, arguments.output):
        console.print(f"written: {path}")
    sys.exit(1 if failures or not (report.is_good or arguments.quick) else 0)


if __name__ == "__main__":
    main()
