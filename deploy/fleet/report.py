"""All servers of the fleet under all four loads: `python -m deploy.fleet.report --help`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from alerts.autoscale.processes.spawn import identify
from deploy.fleet import processes
from deploy.fleet.errors import FleetError
from deploy.fleet.main import Outcome, build_servers, cache_folder, chosen, start_servers, stop_all
from deploy.fleet.servers import Place
from deploy.fleet.state import (
    REPORT_DEFAULT_FOLDER,
    Files,
    RunningServer,
    fleet_of_report,
    locked,
    read_running,
    write_running,
)
from deploy.fleet.verdict import cell_verdict, differing, report_verdict
from monitor.cli.loadtest import ServiceQueries, run_with_progress
from monitor.clock import Clock, SystemClock
from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.config.vocabulary_config import Vocabulary
from monitor.errors import PlimsollError
from monitor.loadtest.cell_json import cell_data
from monitor.loadtest.generator_command import LoadPlan, default_threads
from monitor.loadtest.machine import describe_machine, program_versions
from monitor.loadtest.report_html import html_page
from monitor.loadtest.report_markdown import markdown
from monitor.loadtest.run_cell import Surroundings
from monitor.loadtest.run_generator import check_installed
from monitor.loadtest.scenario import SCENARIOS, Scenario, load_target
from monitor.loadtest.shown_figures import shown

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_ADDRESS = re.compile(r"plimsoll is ready at (http://\S+)")
_VERSION_COMMANDS = (("wrk", "-v"), ("ab", "-V"), ("cargo", "--version"), ("go", "version"), ("node", "--version"))

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """`seconds` is for each cell."""

    folder: Path
    seconds: int
    connections: int
    json_file: Path | None


@app.command()
def report(
    *,
    folder: Annotated[
        Path, typer.Option(help="Where the report goes, and what the servers write.")
    ] = REPORT_DEFAULT_FOLDER,
    seconds: Annotated[int, typer.Option(envvar="SECONDS", min=1, max=600, help="Length of each load.")] = 10,
    connections: Annotated[int, typer.Option(min=1, max=10_000, help="Connections at once.")] = 32,
    json_file: Annotated[str, typer.Option("--json", help="Write the JSON here, too; empty for nowhere.")] = "",
    only: Annotated[list[str] | None, typer.Option(help="A server's name; can be given several times.")] = None,
) -> None:
    """Build and start the servers, watch them with a Plimsoll of their own, load them, write the report, stop all.

    Exit code 1 if a figure differs without an explanation, or if a cell failed; a toolchain that is not here is no
    failure, and the last lines say how many cells there are.
    """
    options = ReportOptions(folder, seconds, connections, Path(json_file) if json_file else None)
    for scenario in SCENARIOS:
        check_installed(scenario.tool)
    files = Files(fleet_of_report(folder), cache_folder())
    cells_wanted = len(chosen(only)) * len(SCENARIOS)
    with locked(files):
        stop_all(files)
        try:
            outcome, servers = _start(files, only)
            circumstances = _circumstances(options)
            with TemporaryDirectory(prefix="plimsoll-fleet-") as data, running_service(files, data) as service_url:
                cells = _load_all(servers, service_url, options, outcome)
        finally:
            stop_all(files)
    verdict = report_verdict(cells, cells_wanted)
    left_out = [*outcome.without_toolchain, *outcome.failures]
    for path in write_report({**circumstances, "verdict": verdict, "left_out": left_out, "cells": cells}, options):
        typer.echo(f"written: {path}")
    typer.echo("\n".join(verdict))
    if outcome.failures or any(map(differing, cells)):
        raise typer.Exit(1)


def _start(files: Files, only: list[str] | None) -> tuple[Outcome, list[RunningServer]]:
    """Ports are free ones."""
    servers: list[RunningServer] = []
    outcome = build_servers(chosen(only), files.cache)
    outcome.failures += start_servers(outcome.built, 0, servers, files)
    for problem in [*outcome.without_toolchain, *outcome.failures]:
        typer.echo(f"left out: {problem}", err=True)
    return outcome, servers


@contextmanager
def running_service(files: Files, data: str) -> Iterator[str]:
    """`plimsoll serve` with the data directory `data`; its address. It is written down beside the servers."""
    log = files.log("plimsoll")
    arguments = ["serve", "--config", str(files.config), "--data", data, "--listen", "127.0.0.1:0"]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "monitor", *arguments], stdout=output, stderr=output)
    try:
        if identity := identify(process.pid):
            write_running(files, [*read_running(files), RunningServer("plimsoll", identity, Place(0, 0))])
        yield _wait_for_address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(round(READY_SECONDS / 0.1)):
        text = log.read_text(errors="replace")
        if found := _ADDRESS.search(text):
            return found[1]
        if process.poll() is not None:
            raise FleetError(f"plimsoll serve ended with code {process.returncode}\n{text[-2000:]}")
        time.sleep(0.1)
    raise FleetError(f"plimsoll serve is not ready after {READY_SECONDS:.0f} s: {log}")


def _circumstances(options: ReportOptions) -> dict[str, Any]:
    """When, where and with what the load was made; of the machine, before it."""
    return {
        "started": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": options.seconds,
        "connections": options.connections,
        "machine": describe_machine(),
        "versions": program_versions(_VERSION_COMMANDS),
    }


def _load_all(
    servers: Sequence[RunningServer], service_url: str, options: ReportOptions, outcome: Outcome
) -> list[dict[str, Any]]:
    service, clock, vocabularies = ServiceQueries(service_url), SystemClock(), read_shipped_vocabularies()
    cells = []
    for server in servers:
        for scenario in SCENARIOS:
            label = f"{server.name:10} {scenario.name:10}"
            try:
                cells.append(_load(server, scenario, service, clock, vocabularies, options, label))
            except PlimsollError as error:
                outcome.failures.append(f"{server.name}, {scenario.name}: {error}")
                typer.echo(f"{label}  failed: {error}", err=True)
    return cells


def _load(
    server: RunningServer,
    scenario: Scenario,
    service: ServiceQueries,
    clock: Clock,
    vocabularies: tuple[Vocabulary, ...],
    options: ReportOptions,
    label: str,
) -> dict[str, Any]:
    target = load_target(f"http://127.0.0.1:{server.place.port}", scenario)
    plan = LoadPlan(scenario, scenario.tool, target, options.seconds, options.connections, default_threads())
    around = Surroundings(processes.metrics_url(server.place), vocabularies, service, clock, time.sleep)
    cell = run_with_progress(plan, around, label)
    data = cell_data(server.name, cell)
    rate = shown(data["qps"]["generator"], "per second")
    typer.echo(f"{label} {rate:>8}/s  {cell_verdict(data)}")
    return data


def write_report(data: dict[str, Any], options: ReportOptions) -> list[Path]:
    """report.json, report.md and report.html; the paths of all that was written."""
    text = json.dumps(data, indent=1) + "\n"
    contents = {"report.json": text, "report.md": markdown(data), "report.html": html_page(data)}
    written = []
    for name, content in contents.items():
        path = options.folder / name
        path.write_text(content)
        written.append(path)
    if options.json_file is not None:
        options.json_file.parent.mkdir(parents=True, exist_ok=True)
        options.json_file.write_text(text)
        written.append(options.json_file)
    return written


def main() -> None:
    """Ends with one line for an error of ours, not with a traceback. SIGTERM ends it as Ctrl-C does: all is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except (FleetError, PlimsollError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
