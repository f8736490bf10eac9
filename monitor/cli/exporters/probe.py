"""`plimsoll exporter probe`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.probe.module_file import load_modules
from exporters.probe.modules import BUILT_IN_MODULES, ProbeModule
from exporters.probe.prober import Prober, ProberSettings
from exporters.probe.service import FixedTarget, FixedTargetsCollector, ProbeService
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter probe --http https://shop.example/ --tcp db.example:5432")
def probe(
    *,
    http: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Probe this URL at every scrape of /metrics. Repeatable.")
    ] = None,
    tcp: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="Connect to it at every scrape. Repeatable.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="MODULE=TARGET", help="Probe it with that module. Repeatable.")
    ] = None,
    modules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Modules in the form of blackbox_exporter's blackbox.yml.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Probe this host; with it, no others, also not by a redirect. Repeatable."),
    ] = None,
    listen: ListenOption = "127.0.0.1:9115",
    as_json: JsonOption = False,
) -> None:
    """Time to look up, connect, shake hands, first byte and transfer of servers, from outside; over HTTP and TCP.

    /probe?target=…&module=… probes any target, as blackbox_exporter does: whoever reaches that address can make this
    program connect where it can. It listens on loopback unless --listen says otherwise.
    """
    known = {**BUILT_IN_MODULES, **(load_modules(modules) if modules else {})}
    pairs = [("http_2xx", url) for url in http or ()] + [("tcp_connect", place) for place in tcp or ()]
    pairs += [_split_pair(pair) for pair in target or ()]
    fixed = [FixedTarget(place, name, _module_of(known, name)) for name, place in pairs]
    prober = Prober(
        time.perf_counter, ProberSettings(allowed_hosts=frozenset(host.lower() for host in allow_host or ()))
    )
    registry = CollectorRegistry()
    collector = FixedTargetsCollector(prober, fixed)
    registry.register(collector)
    try:
        run_exporter(registry, listen, as_json, ProbeService(prober, known, collector))
    finally:
        prober.close()


def _split_pair(text: str) -> tuple[str, str]:
    name, separator, place = text.partition("=")
    if not separator:
        raise typer.BadParameter("--target: want MODULE=TARGET, such as tcp_tls=db.example:5432")
    return name, place


def _module_of(known: dict[str, ProbeModule], name: str) -> ProbeModule:
    if name not in known:
        raise typer.BadParameter(f"--target: got the module {name!r}, want one of {', '.join(sorted(known))}")
    return known[name]
