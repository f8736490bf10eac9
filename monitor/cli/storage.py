"""`plimsoll storage …`: looks at the files of a data directory, verifies and repairs them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from monitor.cli.print_json import print_json
from monitor.errors import NotFound
from monitor.model.durations import rfc3339
from monitor.storage.tools.describe import analyze as analyze_blocks
from monitor.storage.tools.describe import block_paths, summarize
from monitor.storage.tools.repair import damaged_files
from monitor.storage.tools.repair import repair as repair_directory
from monitor.storage.tools.verify import Fault, verify_block, verify_journal

app = typer.Typer(help="Look at, verify and repair a data directory.", no_args_is_help=True, add_completion=False)

Data = Annotated[Path, typer.Argument(help="A data directory or a snapshot.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _storage() -> None:
    """Look at, verify and repair a data directory. Only `repair` needs the server to be stopped.

    Example: plimsoll storage verify /var/lib/plimsoll
    """


@app.command("list")
def list_blocks(data: Data, as_json: AsJson = False) -> None:
    """List the blocks: time, series, samples, bytes a sample. Times are UTC."""
    blocks = [summarize(path) for path in _paths(data)]
    if as_json:
        print_json({"blocks": [{**asdict(each), "bytes_per_sample": each.bytes_per_sample} for each in blocks]})
        return
    table = _table("block", "from", "to", "series", "samples", "bytes", "bytes/sample", "level")
    for each in blocks:
        times = rfc3339(each.min_ms), rfc3339(each.max_ms)
        counts = f"{each.series:,}", f"{each.samples:,}", f"{each.bytes:,}", f"{each.bytes_per_sample:.3f}"
        table.add_row(each.block_id, *times, *counts, str(each.level))
    _console().print(table)


@app.command()
def analyze(
    data: Data, as_json: AsJson = False, limit: Annotated[int, typer.Option(help="Length of each list.", min=1)] = 20
) -> None:
    """Show which metrics and labels the series and samples of all blocks come from."""
    found = analyze_blocks(_paths(data), limit)
    if as_json:
        print_json(asdict(found))
        return
    typer.echo(f"{found.series:,} series in blocks, {found.samples:,} samples")
    metrics = _table("metric", "series", "samples", "bytes", "bytes/sample")
    for cost in found.metrics:
        per_sample = f"{cost.bytes / cost.samples:.3f}" if cost.samples else ""
        metrics.add_row(cost.metric, f"{cost.series:,}", f"{cost.samples:,}", f"{cost.bytes:,}", per_sample)
    labels = _table("label", "values", "series")
    for label in found.labels:
        labels.add_row(label.name, f"{label.values:,}", f"{label.series:,}")
    _console().print(metrics, labels)


@app.command()
def verify(data: Data, as_json: AsJson = False) -> None:
    """Read everything and compare it with its checksums. The exit code is 1 if anything is damaged."""
    paths = _paths(data)
    faults = [fault for path in paths for fault in verify_block(path)]
    journal = data / "journal.sqlite"
    if journal.exists():
        faults += verify_journal(journal)
    if as_json:
        print_json({"blocks": len(paths), "ok": not faults, "faults": [_fault_json(fault) for fault in faults]})
    else:
        for fault in faults:
            typer.echo(str(fault), err=True)
        typer.echo(f"{data}: {len(paths)} blocks verified, damaged places: {len(faults)}")
    if faults:
        raise typer.Exit(1)


@app.command()
def repair(data: Data, as_json: AsJson = False) -> None:
    """Move damaged files to quarantine/ and keep all that can be read of them. The server must be stopped."""
    _paths(data)
    repairs = repair_directory(data)
    if as_json:
        print_json(
            {
                "repairs": [
                    {
                        "file": str(each.path),
                        "quarantined": str(each.quarantined),
                        "replacement": str(each.replacement) if each.replacement else None,
                        "faults": [_fault_json(fault) for fault in each.faults],
                    }
                    for each in repairs
                ]
            }
        )
        return
    for line in damaged_files(repairs):
        typer.echo(line)
    typer.echo(f"{data}: repaired files: {len(repairs)}")


def _paths(data: Path) -> list[Path]:
    if not (data / "blocks").is_dir():
        raise NotFound(f"{data}: got no folder named blocks in it, want a data directory or a snapshot")
    return block_paths(data)


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {
        "file": str(fault.path),
        "kind": fault.kind.value,
        "number": fault.number,
        "message": fault.message,
    }


def _table(first: str, *others: str) -> Table:
    table = Table(first)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _console() -> Console:
    """As wide as the tables need: a line that is cut off helps nobody."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
