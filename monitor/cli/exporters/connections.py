"""`plimsoll exporter connections`."""

from __future__ import annotations

from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.connections.collector import ConnectionsCollector
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter connections --port 8080")
def connections(
    *,
    port: Annotated[
        list[int] | None, typer.Option(min=1, max=65535, help="A listening TCP port; all without it. Repeatable.")
    ] = None,
    pid: Annotated[
        int | None, typer.Option(min=1, help="Look into the network namespace of this process (a container's).")
    ] = None,
    listen: ListenOption = "127.0.0.1:9257",
    as_json: JsonOption = False,
) -> None:
    """Connections by state, accept queues, ports left for outgoing connections, retransmits, from the kernel."""
    registry = CollectorRegistry()
    registry.register(ConnectionsCollector(port or (), pid))
    run_exporter(registry, listen, as_json)
