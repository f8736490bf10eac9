"""Builds, starts and stops the fleet: `python -m deploy.fleet.main --help`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from alerts.autoscale.processes.spawn import is_alive
from deploy.fleet import processes
from deploy.fleet.errors import FleetError
from deploy.fleet.scrape_files import write_scrape_files
from deploy.fleet.servers import FLEET_FOLDER, SERVERS, Place, Server, serves_own_metrics
from deploy.fleet.state import (
    DEFAULT_FOLDER,
    REPORT_DEFAULT_FOLDER,
    Files,
    RunningServer,
    fleet_of_report,
    locked,
    read_running,
    write_running,
)
from deploy.fleet.toolchains import TOOLCHAINS, build, print_version, why_unusable

DEFAULT_FIRST_PORT = 8101
METRICS_PORT_OFFSET = 100

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The seven servers of the comparison.")

Folder = Annotated[Path, typer.Option(help="Where state, logs, targets.json and plimsoll.yml go.")]
Only = Annotated[list[str] | None, typer.Option(help="A server's name; can be given several times. Default: all.")]
FirstPort = Annotated[
    int, typer.Option(envvar="FIRST_PORT", min=0, max=65000, help="Port of the first server; 0 takes free ones.")
]
FOLDERS_STOPPED = [DEFAULT_FOLDER, fleet_of_report(REPORT_DEFAULT_FOLDER)]


@dataclass(slots=True)
class Outcome:
    """What has become of the servers asked for; the texts begin with the servers' names."""

    built: list[Server] = field(default_factory=list)
    without_toolchain: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def cache_folder() -> Path:
    """Outside the clone, so that a fresh one does not build again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "plimsoll" / "fleet"


@app.command("build")
def build_command(folder: Folder = DEFAULT_FOLDER, only: Only = None) -> None:
    """Build those servers whose toolchain is here."""
    with locked(Files(folder, cache_folder())):
        outcome = build_servers(chosen(only), cache_folder())
    report(outcome)


@app.command("start")
def start_command(
    folder: Folder = DEFAULT_FOLDER, first_port: FirstPort = DEFAULT_FIRST_PORT, only: Only = None
) -> None:
    """Build and start those servers whose toolchain is here and that do not run yet."""
    files = Files(folder, cache_folder())
    with locked(files):
        running = read_running(files)
        names_running = {server.name for server in running}
        missing = [server for server in chosen(only) if server.name not in names_running]
        outcome = build_servers(missing, files.cache)
        outcome.failures += start_servers(outcome.built, first_port, running, files)
    for server in running:
        typer.echo(f"{server.name:10} http://127.0.0.1:{server.place.port}  {processes.metrics_url(server.place)}")
    typer.echo(f"watch them: plimsoll serve --config {files.config}")
    report(outcome)


@app.command("stop")
def stop_command(
    folders: Annotated[
        list[Path],
        typer.Option("--folder", help="As for start; can be given several times. Default: a report's, too."),
    ] = FOLDERS_STOPPED,
) -> None:
    """Stop exactly the processes that `start` has started, and those that a report which was killed has left."""
    stopped, problems = False, []
    for files in (Files(folder, cache_folder()) for folder in folders):
        if not files.folder.exists():
            continue
        try:
            with locked(files):
                running, killed = stop_all(files)
        except FleetError as error:
            problems.append(str(error))
            continue
        for server in running:
            typer.echo(f"{server.name:10} {'killed, it did not stop' if server in killed else 'stopped'}")
        stopped = stopped or bool(running)
    if problems:
        raise FleetError("; ".join(problems))
    if not stopped:
        typer.echo("nothing of the fleet runs")


def stop_all(files: Files) -> tuple[list[RunningServer], list[RunningServer]]:
    """Stops what has been written down; returns who ran, and who of them had to be killed."""
    running = read_running(files)
    killed = processes.stop(running)
    write_running(files, [])
    write_scrape_files(files, [])
    return running, killed


def chosen(only: Sequence[str] | None) -> list[Server]:
    """Raises BadParameter for a name that is none."""
    unknown = set(only or ()) - {server.name for server in SERVERS}
    if unknown:
        names = ", ".join(server.name for server in SERVERS)
        raise typer.BadParameter(f"got {', '.join(sorted(unknown))}, want some of {names}")
    return [server for server in SERVERS if not only or server.name in only]


def build_servers(servers: Sequence[Server], cache: Path) -> Outcome:
    """Builds what can be built here, one toolchain after the other."""
    outcome = Outcome()
    for toolchain in TOOLCHAINS:
        ours = [server for server in servers if server.toolchain is toolchain]
        names = [server.name for server in ours]
        if not ours:
            continue
        if problem := why_unusable(toolchain, partial(print_version, FLEET_FOLDER)):
            outcome.without_toolchain.append(f"{', '.join(names)}: {problem}")
            continue
        typer.echo(f"building {', '.join(names)} with {toolchain.name}", err=True)
        try:
            build(toolchain, FLEET_FOLDER, cache, names)
        except FleetError as error:
            outcome.failures.append(f"{', '.join(names)}: {error}")
        else:
            outcome.built += ours
    return outcome


def start_servers(servers: Sequence[Server], first_port: int, running: list[RunningServer], files: Files) -> list[str]:
    """Starts `servers` and adds them to `running` and to the files; returns what went wrong."""
    failures = []
    for server in servers:
        try:
            running.append(processes.start(server, place_of(server, first_port), files))
        except FleetError as error:
            failures.append(str(error))
        # After each one: whatever happens next, what runs is known and can be stopped.
        write_running(files, running)
    for started in running:
        try:
            processes.wait_until_ready(started, files)
        except FleetError as error:
            failures.append(str(error))
    running[:] = [server for server in running if is_alive(server.process)]
    write_running(files, running)
    write_scrape_files(files, running)
    return failures


def place_of(server: Server, first_port: int) -> Place:
    """Always the same for a server, so that an address noted once stays right; free ports if `first_port` is 0."""
    if first_port == 0:
        port = free_port()
        return Place(port, port if serves_own_metrics(server) else free_port())
    port = first_port + SERVERS.index(server)
    return Place(port, port if serves_own_metrics(server) else port + METRICS_PORT_OFFSET)


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


def report(outcome: Outcome) -> None:
    """Exit code 1 if something failed; a toolchain that is not here is no failure."""
    for problem in outcome.without_toolchain:
        typer.echo(f"left out: {problem}", err=True)
    for problem in outcome.failures:
        typer.echo(f"failed: {problem}", err=True)
    if outcome.failures:
        raise typer.Exit(1)


def main() -> None:
    """Ends with one line for an error of ours, not with a traceback."""
    try:
        app()
    except FleetError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
