"""`plimsoll exporter expvar`."""

from __future__ import annotations

from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.expvar.collector import ExpvarCollector, ExpvarSettings
from exporters.expvar.fetch_page import FetchSettings, PageUrl
from exporters.scrape_timeout import timed_application
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter
from monitor.clock import SystemClock

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter expvar --url http://127.0.0.1:8080")
def expvar(
    *,
    url: Annotated[
        list[str], typer.Option(metavar="URL", help="Of the program; without a path, its /debug/vars. Repeatable.")
    ],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for a page, from looking up the name on.")] = 5.0,
    listen: ListenOption = "127.0.0.1:9262",
    as_json: JsonOption = False,
) -> None:
    """GC pauses, memory and published variables of Go programs, from their /debug/vars."""
    pages = list(dict.fromkeys(PageUrl.parse(each, "/debug/vars") for each in url))
    registry = CollectorRegistry()
    since_ns = None if as_json else SystemClock().now_ms() * 1_000_000
    collector = ExpvarCollector(pages, ExpvarSettings(FetchSettings(timeout_seconds=timeout)), since_ns)
    registry.register(collector)
    run_exporter(registry, listen, as_json, timed_application(collector))
