"""`plimsoll restore`: a data directory from a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.storage.snapshot import restore as restore_snapshot

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: plimsoll restore data/snapshots/20260102T030405Z-0123456789abcdef /var/lib/plimsoll")
def restore(
    snapshot: Annotated[Path, typer.Argument(help="The folder that `plimsoll snapshot` made.")],
    data: Annotated[Path, typer.Argument(help="A new or an empty directory.")],
) -> None:
    """Copy a snapshot into a new data directory and verify every slab of it.

    Nothing is left in the directory if anything is damaged; the exit code is 1 then.
    """
    columns = (TextColumn("copying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("copying", total=None)
        restored = restore_snapshot(
            snapshot, data, lambda done, total: progress.update(task, completed=done, total=total)
        )
    typer.echo(f"{data}: restored and verified {restored.blocks} blocks, {restored.bytes} bytes")
