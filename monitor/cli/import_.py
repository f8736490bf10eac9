"""`plimsoll import`: samples of files to a server, or into a data directory."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from monitor.cli.local_store import local_store
from monitor.cli.server_client import ServerClient
from monitor.config.settings import Limits
from monitor.errors import BadRequest
from monitor.history.imports.importer import Importer, ImportFormat

app = typer.Typer(add_completion=False)

_READ_BYTES = 1 << 20
_FORMAT_BY_SUFFIX = {
    ".prom": ImportFormat.PROMETHEUS,
    ".txt": ImportFormat.PROMETHEUS,
    ".om": ImportFormat.OPENMETRICS,
    ".openmetrics": ImportFormat.OPENMETRICS,
    ".jsonl": ImportFormat.JSON_LINES,
    ".json": ImportFormat.JSON_LINES,
    ".ndjson": ImportFormat.JSON_LINES,
    ".csv": ImportFormat.CSV,
}
Send = Callable[[Iterator[bytes], ImportFormat], dict[str, Any]]


class FileFormat(enum.Enum):
    """The formats of ImportFormat, and the file's name deciding."""

    AUTO = "auto"
    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    JSON_LINES = "jsonl"
    CSV = "csv"


@app.command("import", epilog="Example: plimsoll import --server http://127.0.0.1:9090 history.jsonl")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files of samples.", exists=True, dir_okay=False)],
    server: Annotated[str, typer.Option(help="URL of the server.")] = "http://127.0.0.1:9090",
    data: Annotated[Path | None, typer.Option(help="Instead: the data directory of a server that is stopped.")] = None,
    format: Annotated[FileFormat, typer.Option(help="Format of the files; auto: by their names.")] = FileFormat.AUTO,
) -> None:
    """Send samples of any time from 1970 on. Lines that are refused are named; the exit code is 1 then.

    Good lines are kept and on disk. Samples that are there already stay as they are, so importing again does no harm.
    """
    formats = [_format_of(file, format) for file in files]
    if data is None:
        refused = _import_all(files, formats, _to_server(server))
    else:
        with local_store(data) as store:

            def send(pieces: Iterator[bytes], import_format: ImportFormat) -> dict[str, Any]:
                importer = Importer(store, import_format, Limits().import_line_bytes)
                for piece in pieces:
                    importer.feed(piece)
                    store.durable().result()
                importer.finish()
                store.durable().result()
                result = importer.result
                errors = [{"line": error.line, "message": error.message} for error in result.errors]
                return {"samples": result.samples, "refusedLines": result.refused_lines, "errors": errors}

            refused = _import_all(files, formats, send)
    if refused:
        raise typer.Exit(1)


def _import_all(files: list[Path], formats: list[ImportFormat], send: Send) -> int:
    """How many lines were refused."""
    refused = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for file, import_format in zip(files, formats, strict=True):
            task = progress.add_task(file.name, total=file.stat().st_size)
            result = send(_pieces(file, lambda size, task=task: progress.advance(task, size)), import_format)  # type: ignore[misc]
            for error in result["errors"]:
                typer.echo(f"{file}:{error['line']}: {error['message']}", err=True)
            typer.echo(f"{file}: {result['samples']} samples taken, {result['refusedLines']} lines refused")
            refused += result["refusedLines"]
    return refused


def _to_server(server: str) -> Send:
    client = ServerClient(server)

    def send(pieces: Iterator[bytes], import_format: ImportFormat) -> dict[str, Any]:
        with client.ask("POST", "/api/v1/import", {"format": import_format.value}, pieces) as response:
            data: dict[str, Any] = orjson.loads(response.read())["data"]
            return data

    return send


def _pieces(file: Path, report: Callable[[int], None]) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            yield piece
            report(len(piece))


def _format_of(file: Path, chosen: FileFormat) -> ImportFormat:
    if chosen is not FileFormat.AUTO:
        return ImportFormat(chosen.value)
    try:
        return _FORMAT_BY_SUFFIX[file.suffix]
    except KeyError:
        wanted = ", ".join(_FORMAT_BY_SUFFIX)
        raise BadRequest(f"{file}: got the suffix {file.suffix or 'none'}, want one of {wanted}, or --format") from None
