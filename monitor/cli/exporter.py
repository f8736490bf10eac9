"""`plimsoll exporter KIND`: runs one exporter beside the server it watches. The only module that imports exporters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import typer

from exporters import process
from exporters.errors import ExporterError

# One line for each kind. A kind is a module of exporters/ with a function `command` that takes Typer options.
KINDS: Mapping[str, Callable[..., None]] = {"process": process.command}


def build_app(kinds: Mapping[str, Callable[..., None]]) -> typer.Typer:
    """The sub-commands of `plimsoll exporter`. Exit codes: 0; 2 for a wrong option; 1 for every ExporterError."""
    app = typer.Typer(help="Make the numbers of a running server scrapeable.", no_args_is_help=True)
    app.callback()(_exporter)
    for kind, command in kinds.items():
        app.command(kind)(_exits_with_message(command))
    return app


def _exporter() -> None:
    """Make the numbers of a running server scrapeable.

    Example: plimsoll exporter process --port 8080 --listen 127.0.0.1:9256
    """


def _exits_with_message(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> None:
        try:
            command(*arguments, **options)
        except ExporterError as error:
            typer.echo(f"plimsoll exporter: {error}", err=True)
            raise typer.Exit(1) from error

    return run


app = build_app(KINDS)
