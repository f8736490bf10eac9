"""The `plimsoll` program: finds the verb and runs it.

Each verb family is a module of this folder with a Typer app named `app`. It is imported only when its verb is used, so
that `plimsoll --help` needs none of them.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor import __version__
from monitor.errors import PlimsollError


@dataclass(frozen=True, slots=True)
class Verb:
    """A word after `plimsoll`, the module that does it, and its line in the help."""

    name: str
    module: str
    help: str


# One line for each verb family.
VERBS = (
    Verb("serve", "monitor.cli.serve", "Run the service: scrape, store, query, alert, scale."),
    Verb("demo", "monitor.cli.demo", "Watch a shop through a flash sale: alert, scaling, recovery."),
    Verb("export", "monitor.cli.export", "Write samples of a server to a file."),
    Verb("import", "monitor.cli.import_", "Send samples of a file to a server."),
    Verb("snapshot", "monitor.cli.snapshot", "Copy everything that a running server stores."),
    Verb("restore", "monitor.cli.restore", "Make a data directory of a snapshot."),
    Verb("storage", "monitor.cli.storage", "Look at, verify and repair a data directory."),
    Verb("query", "monitor.cli.query.commands", "Ask a running server: tables, charts, costs."),
    Verb("discover", "monitor.cli.discover", "Recognise what listens here; write a configuration for it."),
    Verb("check", "monitor.cli.check", "Check configuration and rule files."),
    Verb("loadtest", "monitor.cli.loadtest", "Load a server with wrk or ab, and reconcile the figures."),
    Verb("exporter", "monitor.cli.exporters.table", "Make the numbers of a running server scrapeable."),
)


class _LazyVerbs(TyperGroup):
    """Puts the real command in the place of its stand-in once it is called for."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        modules = [verb.module for verb in VERBS if verb.name == name]
        return name, load_command(modules[0]) if modules else command, rest


def load_command(module: str) -> Any:
    """The Click command behind the `app` of a verb's module."""
    # Looking for garbage takes a tenth of the time of an import, and finds next to none.
    gc.disable()
    try:
        return typer.main.get_command(import_module(module).app)
    finally:
        gc.enable()


def build_app() -> typer.Typer:
    """The root, with a stand-in for each verb. Tracebacks show no local variables: they may hold secrets."""
    app = typer.Typer(
        name="plimsoll", cls=_LazyVerbs, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
    )
    app.callback()(_root)
    for verb in VERBS:
        app.command(verb.name, help=verb.help)(_stand_in)
    return app


def main(app: typer.Typer | None = None) -> None:
    """Runs the program. An error that names what is wrong is printed without a traceback; the exit code is 1."""
    try:
        (app or build_app())()
    except PlimsollError as error:
        typer.echo(f"plimsoll: {error}", err=True)
        sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plimsoll {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_show_version)] = False,
) -> None:
    """Watches servers under load, says when the water is over the line, and calls for more ships."""


def _stand_in() -> None:
    raise AssertionError("BUG: got a call of a stand-in, want the verb's own command")
