"""`plimsoll exporter process`."""

from __future__ import annotations

from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.process.collector import ProcessCollector
from exporters.process.targets import CommandLineTarget, NameTarget, PidTarget, PortTarget, Target, check_all_found
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter process --port 8080 --name postgres")
def process(
    *,
    port: Annotated[
        list[int] | None, typer.Option(min=1, max=65535, help="Watch what listens on this TCP port. Repeatable.")
    ] = None,
    pid: Annotated[list[int] | None, typer.Option(min=1, help="Watch this process. Repeatable.")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Watch processes of this command or program name, or regular expression. Repeatable."),
    ] = None,
    command_line: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Watch processes whose arguments contain a match. Repeatable."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Start even if no such process runs yet.")] = False,
    listen: ListenOption = "127.0.0.1:9256",
    as_json: JsonOption = False,
) -> None:
    """CPU, memory, open files, threads and limits of processes, from /proc."""
    targets: list[Target] = [
        *map(PortTarget, port or ()),
        *map(PidTarget, pid or ()),
        *map(NameTarget, name or ()),
        *map(CommandLineTarget, command_line or ()),
    ]
    if not targets:
        raise typer.BadParameter("got no process to watch, want at least one --port, --pid, --name or --command-line")
    collector = ProcessCollector(targets)
    if not wait:
        check_all_found(collector.find())
    registry = CollectorRegistry()
    registry.register(collector)
    run_exporter(registry, listen, as_json)
