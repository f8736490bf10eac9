"""`plimsoll loadtest run`: a load, and the generator's figures beside ours."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from exporters.load_test.runs import Tool
from monitor.cli.server_client import ServerClient
from monitor.clock import SystemClock
from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.errors import BadRequest
from monitor.loadtest.cell_json import cell_data
from monitor.loadtest.figures import Figure
from monitor.loadtest.generator_command import LoadPlan, default_threads
from monitor.loadtest.run_cell import CellResult, Surroundings, run_cell
from monitor.loadtest.run_generator import Tick
from monitor.loadtest.scenario import SCENARIOS, load_target, scenario_named
from monitor.loadtest.shown_figures import COLUMNS, shown, shown_difference, shown_ours, shown_reference, verdict
from monitor.model.labels import Labels
from monitor.scrape.exposition.parse_exposition import ExposedSample

app = typer.Typer(add_completion=False, no_args_is_help=True)

SECONDS_MAX = 3600
CONNECTIONS_MAX = 20_000
_COLUMNS_OF_A_FILE = 110
_TOOLS = {tool.value: tool for tool in (Tool.WRK, Tool.AB)}


class ServiceQueries:
    """Queries to a running service, over its HTTP API."""

    def __init__(self, url: str) -> None:
        self._client = ServerClient(url)

    def samples(self, selector: str, at_seconds: float | None) -> list[ExposedSample]:
        parameters: dict[str, str | list[str]] = {"query": selector}
        if at_seconds is not None:
            parameters["time"] = f"{at_seconds:.3f}"
        with self._client.ask("GET", "/api/v1/query", parameters) as response:
            result = orjson.loads(response.read())["data"]["result"]
        return [
            ExposedSample(labels, float(text), round(seconds * 1000))
            for series in result
            for labels in (Labels(series["metric"]),)
            for seconds, text in series.get("values", ())
        ]

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


@app.callback()
def loadtest() -> None:
    """Load a server with wrk or ab, and compare what they say with what the server shows."""


@app.command(epilog="Example: plimsoll loadtest run --url http://127.0.0.1:8101 --scenario flash-sale --seconds 10")
def run(
    *,
    url: Annotated[str, typer.Option(help="What to load. Without a path the scenario's is taken.")],
    scenario: Annotated[str, typer.Option(help=f"One of {', '.join(each.name for each in SCENARIOS)}.")],
    with_tool: Annotated[
        str | None, typer.Option("--with", help="wrk or ab. Default: what the scenario is usually run with.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=SECONDS_MAX, help="How long the load lasts.")] = 10,
    connections: Annotated[int, typer.Option(min=1, max=CONNECTIONS_MAX, help="Connections at once.")] = 32,
    metrics: Annotated[str | None, typer.Option(help="The server's metrics. Default: /metrics at the URL.")] = None,
    server: Annotated[
        str | None, typer.Option(help="A Plimsoll that scrapes it: what that has stored is then compared.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a load for a bounded time and reconcile the figures. Exit code 1 if some differ without an explanation."""
    chosen = scenario_named(scenario)
    target = load_target(url, chosen)
    plan = LoadPlan(chosen, _tool(with_tool) or chosen.tool, target, seconds, connections, default_threads())
    around = Surroundings(
        metrics_url=metrics or f"http://{target.authority}/metrics",
        vocabularies=read_shipped_vocabularies(),
        service=ServiceQueries(server) if server else None,
        clock=SystemClock(),
        wait=time.sleep,
    )
    cell = run_with_progress(plan, around)
    data = cell_data(target.authority, cell)
    if as_json:
        typer.echo(json.dumps(data, indent=1))
    else:
        print_cell(cell, data)
    if any(figure.agrees is False for figure in cell.figures):
        raise typer.Exit(1)


def _tool(name: str | None) -> Tool | None:
    if name is not None and name not in _TOOLS:
        raise BadRequest(f"--with: got {name!r}, want {' or '.join(_TOOLS)}")
    return _TOOLS[name] if name else None


def run_with_progress(plan: LoadPlan, around: Surroundings, label: str = "") -> CellResult:
    """As `run_cell`, with a bar on a terminal's standard error."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label or f"{plan.tool.value} {plan.target.shown_url}", total=plan.seconds)
        tick: Tick = lambda elapsed: progress.update(task, completed=min(elapsed, plan.seconds))  # noqa: E731
        return run_cell(plan, around, tick)


def print_cell(cell: CellResult, data: dict[str, Any]) -> None:
    """The figures as a table, then what lies between them."""
    plan = cell.facts.plan
    console = Console()
    if not console.is_terminal:
        console = Console(width=_COLUMNS_OF_A_FILE)
    table = Table(title=f"{plan.scenario.title}: {plan.target.shown_url}, {plan.connections} connections")
    ours = "Plimsoll" if cell.stored_ms else "/metrics"
    for heading in ("", plan.tool.value, ours, "difference", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, heading in COLUMNS:
        figure = data[name]
        table.add_row(heading, shown_reference(figure), shown_ours(figure), shown_difference(figure), verdict(figure))
    console.print(table)
    for each in cell.figures:
        for line in explanation(each):
            console.print(line, highlight=False)


def explanation(figure: Figure) -> list[str]:
    """What leads from our figure to the reference; nothing if they are equal or cannot be compared."""
    if figure.rest is None or not figure.difference or figure.name not in dict(COLUMNS):
        return []
    unit = figure.unit.value
    lines = [f"{dict(COLUMNS)[figure.name]}: ours {shown(figure.plimsoll, unit)}"]
    for part in figure.parts:
        if part.value:
            derived = ": what the difference needs" if part.is_derived else ""
            lines.append(f"  {shown(part.value, unit):>12}  {part.cause.value}{derived}")
    lines.append(f"  {shown(figure.rest, unit):>12}  not explained, {shown(figure.allowed, unit)} allowed")
    return lines
