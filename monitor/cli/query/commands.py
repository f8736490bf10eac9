"""`plimsoll query …`: asks a running server."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from monitor.cli.print_json import print_json
from monitor.cli.query.asking import Parameters, Server
from monitor.cli.query.options import (
    DEFAULT_SERVER,
    CsvOption,
    EndOption,
    JsonOption,
    LimitOption,
    MatchOption,
    QueryArgument,
    ServerOption,
    StartOption,
    StepOption,
    check_formats,
)
from monitor.cli.query.results import csv_text, metric_text, rows_of, time_text, to_csv
from monitor.cli.query.tables import explain_tree, instant_table, new_console, range_table
from monitor.cli.query.times import parse_step_ms, parse_when_ms, seconds_text
from monitor.clock import SystemClock

app = typer.Typer(help="Ask a running server.", no_args_is_help=True, add_completion=False)

_INSTANT = "Example: plimsoll query instant 'sum by (job) (up)'"
_RANGE = "Example: plimsoll query range 'rate(http_requests_total[5m])' --start 6h --step 1m"
_SERIES = "Example: plimsoll query series '{job=\"api\"}' --start 1h"
_LABELS = "Example: plimsoll query labels job --match 'up'"
_EXPLAIN = "Example: plimsoll query explain 'sum(rate(http_requests_total[5m]))' --start 6h"


@app.callback()
def _query() -> None:
    """Ask a running server. Exit codes: 0 answered, 1 the query is wrong or refused, 2 usage, 3 no server there.

    Example: plimsoll query instant up --server http://127.0.0.1:9090
    """


@app.command(epilog=_INSTANT)
def instant(
    query: QueryArgument,
    time: StartOption = "now",
    limit: LimitOption = 0,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Evaluate an expression at one instant."""
    check_formats(as_json, as_csv)
    parameters = {"query": query, "time": seconds_text(_when_ms(time)), "limit": _limit(limit)}
    data = Server(server).post("/api/v1/query", parameters)
    if as_json:
        print_json(data)
    elif as_csv:
        typer.echo(to_csv(rows_of(data)), nl=False)
    else:
        new_console().print(instant_table(rows_of(data)))


@app.command("range", epilog=_RANGE)
def range_query(
    query: QueryArgument,
    start: StartOption = "1h",
    end: EndOption = "now",
    step: StepOption = "",
    limit: LimitOption = 0,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Evaluate an expression over a range of time, and chart each series."""
    check_formats(as_json, as_csv)
    start_ms, end_ms, step_ms = _range_ms(start, end, step)
    parameters = {"query": query, **_range_parameters(start_ms, end_ms, step_ms), "limit": _limit(limit)}
    data = Server(server).post("/api/v1/query_range", parameters)
    if as_json:
        print_json(data)
    elif as_csv:
        typer.echo(to_csv(rows_of(data)), nl=False)
    else:
        console = new_console()
        times = [time_ms / 1000 for time_ms in range(start_ms, end_ms + 1, step_ms)]
        console.print(range_table(rows_of(data), times, console.width))
        console.print(f"{time_text(start_ms / 1000)} to {time_text(end_ms / 1000)}, {len(times)} steps", style="dim")


@app.command(epilog=_SERIES)
def series(
    match: Annotated[list[str], typer.Argument(help="Series selectors; several add up.")],
    start: StartOption = "1h",
    end: EndOption = "now",
    limit: LimitOption = 0,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the series that selectors find."""
    check_formats(as_json, as_csv)
    parameters: Parameters = {"match[]": match, **_window(start, end), "limit": _limit(limit)}
    found: list[dict[str, str]] = Server(server).post("/api/v1/series", parameters)
    names = sorted({name for labels in found for name in labels})
    if as_json:
        print_json(found)
    elif as_csv:
        typer.echo(csv_text(names, [[labels.get(name, "") for name in names] for labels in found]), nl=False)
    else:
        for labels in found:
            typer.echo(metric_text(labels))


@app.command(epilog=_LABELS)
def labels(
    name: Annotated[str, typer.Argument(help="A label: its values are listed; without it the names of all.")] = "",
    match: MatchOption = [],  # noqa: B006
    start: StartOption = "1h",
    end: EndOption = "now",
    limit: LimitOption = 0,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the names of labels, or the values of one."""
    check_formats(as_json, as_csv)
    path = f"/api/v1/label/{quote(name, safe='')}/values" if name else "/api/v1/labels"
    found: list[str] = Server(server).get(path, {"match[]": match, **_window(start, end), "limit": _limit(limit)})
    if as_json:
        print_json(found)
    elif as_csv:
        typer.echo(csv_text([name or "label"], [[text] for text in found]), nl=False)
    else:
        for text in found:
            typer.echo(text)


@app.command(epilog=_EXPLAIN)
def explain(
    query: QueryArgument,
    time: StartOption = "now",
    start: StartOption = "",
    end: EndOption = "now",
    step: StepOption = "",
    analyze: Annotated[bool, typer.Option(help="Evaluate the query; without it only estimate.")] = True,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Show what each part of an expression selects, costs and takes: at one instant, or with --start over a range.

    The exit code is 1 if the query would be refused.
    """
    times = _range_parameters(*_range_ms(start, end, step)) if start else {"time": seconds_text(_when_ms(time))}
    parameters = {"query": query, **times, "analyze": "" if analyze else "false"}
    data = Server(server).post("/api/v1/explain", parameters)
    if as_json:
        print_json(data)
    else:
        new_console().print(explain_tree(data))
        typer.echo(_explain_summary(data))
    if data["refused"]:
        typer.echo(f"plimsoll query: {data['refused']}", err=True)
        raise typer.Exit(1)


def _explain_summary(data: dict[str, Any]) -> str:
    estimate = data["estimate"]
    text = f"about {estimate['loadedSamples']:,} samples to load, {estimate['windowSamples']:,} in windows"
    if data["stats"] is None:
        return text
    timings, samples = data["stats"]["timings"], data["stats"]["samples"]
    seen = f"{samples['peakSamples']:,} loaded, {samples['totalQueryableSamples']:,} looked at"
    return f"{text}; {seen} in {timings['execTotalTime'] * 1000:.1f} ms"


def _when_ms(text: str) -> int:
    try:
        return parse_when_ms(text, SystemClock().now_ms())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _range_ms(start: str, end: str, step: str) -> tuple[int, int, int]:
    start_ms, end_ms = _when_ms(start), _when_ms(end)
    if end_ms < start_ms:
        raise typer.BadParameter(f"got the end {end} before the start {start}")
    try:
        return start_ms, end_ms, parse_step_ms(step, end_ms - start_ms)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _range_parameters(start_ms: int, end_ms: int, step_ms: int) -> dict[str, str]:
    return {"start": seconds_text(start_ms), "end": seconds_text(end_ms), "step": seconds_text(step_ms)}


def _window(start: str, end: str) -> dict[str, str]:
    return {"start": seconds_text(_when_ms(start)), "end": seconds_text(_when_ms(end))}


def _limit(limit: int) -> str:
    return str(limit) if limit else ""
