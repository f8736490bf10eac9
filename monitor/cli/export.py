"""`plimsoll export`: samples of a server, or of a data directory, to a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from monitor.api.time_parameters import parse_time_ms
from monitor.cli.local_store import local_store
from monitor.cli.server_client import ServerClient
from monitor.clock import SystemClock
from monitor.config.settings import Limits
from monitor.history.exports.formats import ExportFormat, encoder_of
from monitor.history.exports.read_history import HistoryQuestion
from monitor.promql.syntax.matcher_sets import parse_matcher_sets

app = typer.Typer(add_completion=False)

_READ_BYTES = 1 << 18
_EPILOG = "Example: plimsoll export --match '{job=\"api\"}' --format parquet --output api.parquet"


def _time(text: str) -> str:
    try:
        parse_time_ms(text or "0")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


@app.command(epilog=_EPILOG)
def export(
    match: Annotated[list[str], typer.Option(help="A series selector; several add up.")],
    server: Annotated[str, typer.Option(help="URL of the server.")] = "http://127.0.0.1:9090",
    data: Annotated[Path | None, typer.Option(help="Instead: the data directory of a server that is stopped.")] = None,
    start: Annotated[
        str, typer.Option(help="First time, RFC3339 or Unix seconds. Default: 1970.", callback=_time)
    ] = "",
    end: Annotated[str, typer.Option(help="Last time, RFC3339 or Unix seconds. Default: now.", callback=_time)] = "",
    format: Annotated[ExportFormat, typer.Option(help="Format of the file.")] = ExportFormat.JSON_LINES,
    output: Annotated[Path | None, typer.Option(help="The file. Default: standard output.")] = None,
) -> None:
    """Write samples to a file that other programs read, or `plimsoll import`. A file that is not whole is removed."""
    if data is None:
        pieces = _from_server(server, {"match[]": match, "start": start, "end": end, "format": format.value})
    else:
        pieces = _from_directory(data, match, start, end, format)
    with _opened(output) as file, _progress() as progress:
        task = progress.add_task("exporting", total=None)
        for piece in pieces:
            file.write(piece)
            progress.advance(task, len(piece))


def _from_server(server: str, parameters: dict[str, str | list[str]]) -> Iterator[bytes]:
    with ServerClient(server).ask("GET", "/api/v1/export", parameters) as response:
        while piece := response.read(_READ_BYTES):
            yield piece


def _from_directory(data: Path, match: list[str], start: str, end: str, format_: ExportFormat) -> Iterator[bytes]:
    start_ms = parse_time_ms(start or "0")
    end_ms = parse_time_ms(end) if end else SystemClock().now_ms()
    with local_store(data) as store:
        question = HistoryQuestion(store, parse_matcher_sets(match), start_ms, end_ms)
        encoder = encoder_of(format_, question.label_names())
        yield encoder.begin()
        for runs in question.pieces(Limits().export_samples):
            yield encoder.encode(runs)
        yield encoder.end()


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = output.with_name(f"{output.name}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.rename(output)


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True))
