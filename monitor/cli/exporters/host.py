"""`plimsoll exporter host`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.host.collector import HostCollector
from exporters.host.lines import HostPaths
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter host --listen 127.0.0.1:9100")
def host(
    *,
    proc_path: Annotated[Path, typer.Option(help="Where the host's /proc is mounted.")] = Path("/proc"),
    root_path: Annotated[Path, typer.Option(help="Where the host's root is mounted.")] = Path("/"),
    listen: ListenOption = "127.0.0.1:9100",
    as_json: JsonOption = False,
) -> None:
    """CPU, load, memory, storage, network and pressure of this host, by the names of node_exporter."""
    registry = CollectorRegistry()
    registry.register(HostCollector(HostPaths(proc_path, root_path)))
    run_exporter(registry, listen, as_json)
