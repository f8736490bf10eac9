"""`plimsoll exporter load_test`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from exporters.errors import UnreadableFile
from exporters.load_test.ab_output import with_percentiles, with_requests
from exporters.load_test.collector import WRK_SCRIPT, LoadTestCollector, openmetrics_text
from exporters.load_test.families import LabelledRun
from exporters.load_test.parse_run import parse_run
from exporters.load_test.runs import LoadTestRun
from monitor.cli.exporters.run import JsonOption, ListenOption, run_exporter
from monitor.clock import SystemClock

_STANDARD_INPUT = "-"
# Output of a run is some kB; the table of ab -g has 70 bytes a request.
_OUTPUT_BYTES_MAX = 1 << 20
_TABLE_BYTES_MAX = 1 << 30

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _show_script(wanted: bool) -> None:
    if wanted:
        typer.echo(WRK_SCRIPT)
        raise typer.Exit


@app.command(epilog="Example: plimsoll exporter load_test sale-7.txt --scenario flash-sale --write -")
def load_test(
    output: Annotated[
        list[str], typer.Argument(help="What wrk, ab or hey printed, a file for each run; - is standard input.")
    ],
    *,
    run_id: Annotated[
        list[str] | None, typer.Option(help="Name of a run, one for each output; else its file name, or its end.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="What was tried, such as flash-sale.")] = "",
    ab_percentiles: Annotated[Path | None, typer.Option(help="The CSV of ab -e, for a single run.")] = None,
    ab_requests: Annotated[Path | None, typer.Option(help="The table of ab -g, for a single run.")] = None,
    write: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write OpenMetrics text with timestamps here, - to standard output."),
    ] = None,
    listen: ListenOption = "127.0.0.1:9263",
    as_json: JsonOption = False,
    wrk_script: Annotated[
        bool,
        typer.Option(
            "--wrk-script",
            callback=_show_script,
            is_eager=True,
            help="Print the path of the script for wrk -s and exit.",
        ),
    ] = False,
) -> None:
    """Figures of finished runs of wrk, ab and hey, served or written as OpenMetrics text."""
    if run_id and len(run_id) != len(output):
        raise typer.BadParameter(f"got {len(run_id)} --run-id for {len(output)} outputs, want one for each")
    if (ab_percentiles or ab_requests) and len(output) != 1:
        raise typer.BadParameter("--ab-percentiles and --ab-requests go with one output")
    runs = [_labelled(name, scenario, run_id[index] if run_id else None) for index, name in enumerate(output)]
    runs = [_with_tables(run, ab_percentiles, ab_requests) for run in runs]
    _check_told_apart(runs)
    if write is not None:
        _write(runs, write)
        return
    registry = CollectorRegistry()
    registry.register(LoadTestCollector(runs))
    run_exporter(registry, listen, as_json)


def _labelled(name: str, scenario: str, run_id: str | None) -> LabelledRun:
    run, ended_seconds = _read(name)
    return LabelledRun(run, run_id or _default_run_id(name, ended_seconds), scenario, ended_seconds)


def _read(name: str) -> tuple[LoadTestRun, float]:
    """A run and its end: when its output was last written."""
    if name == _STANDARD_INPUT:
        text = sys.stdin.read(_OUTPUT_BYTES_MAX)
        return parse_run(text, "standard input"), SystemClock().now_ms() / 1000
    path = Path(name)
    return parse_run(_text_of(path, _OUTPUT_BYTES_MAX), name), path.stat().st_mtime


def _text_of(path: Path, bytes_max: int) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(bytes_max)
    except OSError as error:
        raise UnreadableFile(str(path), error) from error


def _default_run_id(name: str, ended_seconds: float) -> str:
    return str(round(ended_seconds)) if name == _STANDARD_INPUT else Path(name).stem


def _check_told_apart(runs: Iterable[LabelledRun]) -> None:
    """Two runs with the same labels would be one series with two values, which no scraper takes."""
    seen = set()
    for run in runs:
        if tuple(run.label_values) in seen:
            raise typer.BadParameter(
                f"got two runs of {run.run.tool.value} named {run.run_id!r}, want a --run-id of its own for each"
            )
        seen.add(tuple(run.label_values))


def _with_tables(labelled: LabelledRun, percentiles: Path | None, requests: Path | None) -> LabelledRun:
    run = labelled.run
    if percentiles is not None:
        run = with_percentiles(run, _text_of(percentiles, _TABLE_BYTES_MAX))
    if requests is not None:
        run = with_requests(run, _text_of(requests, _TABLE_BYTES_MAX))
    return LabelledRun(run, labelled.run_id, labelled.scenario, run.ended_seconds or labelled.ended_seconds)


def _write(runs: Iterable[LabelledRun], place: str) -> None:
    text = openmetrics_text(tuple(runs))
    if place == _STANDARD_INPUT:
        typer.echo(text, nl=False)
    else:
        Path(place).write_text(text)
