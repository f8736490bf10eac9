"""`plimsoll discover`: from an unknown port to a configuration that watches it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

import alerts
import dashboards
import exporters
from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.discover.discover import Discovery, discover, parse_address
from monitor.discover.evidence import Address
from monitor.discover.probing import ProbeLimits
from monitor.discover.recognise import Finding, Kind
from monitor.discover.suggest import Places, Suggestion, suggest
from monitor.errors import DiscoverError
from monitor.model.durations import parse_duration_ms

app = typer.Typer(add_completion=False)

_PLACES = Places(
    rules_folder=Path(alerts.__path__[0]) / "rule_files",
    dashboards_folder=Path(dashboards.__path__[0]) / "grafana" / "dashboards",
    node_preload=Path(exporters.__path__[0]) / "node_preload" / "preload.cjs",
)


def _addresses(texts: list[str] | None) -> list[str] | None:
    for text in texts or ():
        try:
            parse_address(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return texts


def _interval(text: str) -> str:
    try:
        duration_ms = parse_duration_ms(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if duration_ms <= 0:
        raise typer.BadParameter(f"got {text!r}, want more than 0")
    return text


@app.command(epilog="Example: plimsoll discover 127.0.0.1:8080 --write plimsoll.yml")
def discover_servers(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HOST:PORT]...", help="Addresses. Without one, what listens here.", callback=_addresses
        ),
    ] = None,
    *,
    write: Annotated[Path | None, typer.Option(help="Write the configuration to this file; it must not exist.")] = None,
    interval: Annotated[str, typer.Option(help="How often to scrape.", callback=_interval)] = "5s",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at what listens, recognise its runtime and framework, and print a configuration that watches it.

    Only GET is sent, and no address is asked for longer than 2 s. Exit code 1: there is nothing to scrape.
    """
    chosen = [parse_address(text) for text in addresses or ()]
    discovery = discover(chosen, read_shipped_vocabularies(), ProbeLimits())
    suggestion = suggest(discovery.findings, _PLACES, interval)
    if write is not None and suggestion.config:
        _write(write, suggestion.config)
    if as_json:
        typer.echo(orjson.dumps(_as_json(discovery, suggestion), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(discovery, suggestion, chosen, write)
    if not suggestion.config:
        raise typer.Exit(1)


def _write(file: Path, config: str) -> None:
    try:
        with file.open("x") as opened:
            opened.write(config)
    except FileExistsError:
        raise DiscoverError(f"{file}: is there already, want a new file") from None
    except OSError as error:
        raise DiscoverError(f"{file}: {error.strerror or error}") from error


def _print(discovery: Discovery, suggestion: Suggestion, chosen: list[Address], write: Path | None) -> None:
    shown = [finding for finding in discovery.findings if chosen or finding.kind is not Kind.OTHER]
    for finding in shown:
        typer.echo(_line(finding))
    if not shown:
        typer.echo("nothing that speaks HTTP listens here")
    if discovery.omitted:
        typer.echo(f"and {discovery.omitted} more addresses that were not looked at")
    for address, hints in suggestion.instrument:
        typer.echo(f"\n{address} exposes no latency (some do only after their first request). To see more, any of:")
        for hint in hints:
            typer.echo(f"  {hint}")
    if not suggestion.config:
        return
    typer.echo(f"\nwritten to {write}" if write else f"\n{suggestion.config}")
    file = write or "plimsoll.yml"
    typer.echo(f"watch it: plimsoll serve --config {file}, then open http://127.0.0.1:9090/ and ask")
    for what, query in suggestion.queries:
        typer.echo(f"  {what}: {query}")
    if suggestion.dashboards:
        typer.echo("dashboards for Grafana:")
    for dashboard in suggestion.dashboards:
        typer.echo(f"  {dashboard}")


def _line(finding: Finding) -> str:
    what = " ".join(filter(None, [finding.runtime, finding.framework])) or "unknown"
    where = f"metrics at {finding.metrics_path}" if finding.metrics_path else "no metrics"
    if finding.kind is Kind.OTHER:
        where = "does not speak HTTP"
    reasons = f" ({', '.join(finding.reasons)})" if finding.reasons else ""
    return f"{finding.address}  {finding.kind.value} {finding.name}: {what}, {where}{reasons}"


def _as_json(discovery: Discovery, suggestion: Suggestion) -> dict[str, Any]:
    findings = [
        {
            **asdict(finding),
            "address": str(finding.address),
            "kind": finding.kind.value,
            "metrics": len(finding.metrics),
            "canonical": sorted(finding.canonical),
        }
        for finding in discovery.findings
    ]
    instrument = dict(suggestion.instrument)
    return {
        "findings": findings,
        "omitted": discovery.omitted,
        "config": suggestion.config,
        "rules": suggestion.rules,
        "dashboards": suggestion.dashboards,
        "queries": dict(suggestion.queries),
        "instrument": instrument,
    }
