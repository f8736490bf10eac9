"""A kind of `plimsoll exporter` for tests of the table of kinds."""

from __future__ import annotations

import typer

from exporters.errors import NoSuchTarget

app = typer.Typer()


@app.command()
def tide(*, harbour: str = "none") -> None:
    """High water."""
    if harbour == "none":
        raise NoSuchTarget("no tide there")
    typer.echo(f"high water at {harbour}")
