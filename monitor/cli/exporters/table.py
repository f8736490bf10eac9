"""`plimsoll exporter KIND`: the table of kinds, and how the word KIND finds its command.

A kind is a module of this folder with a Typer app named `app` that has one command. It is imported only when it is
called for: an exporter runs beside the server it watches, and should not carry what other kinds need.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from exporters.errors import ExporterError


@dataclass(frozen=True, slots=True)
class Kind:
    """A word after `plimsoll exporter`, the module that does it, and its line in the help."""

    name: str
    module: str
    help: str


# One line for each kind.
KINDS = (
    Kind("process", "monitor.cli.exporters.process", "CPU, memory, files, threads and limits of processes."),
    Kind("connections", "monitor.cli.exporters.connections", "Connections by state, accept queues, port runway."),
    Kind("probe", "monitor.cli.exporters.probe", "Connection set-up time, first byte, certificates, from outside."),
    Kind("host", "monitor.cli.exporters.host", "CPU, memory, storage, network and pressure of the host."),
    Kind("gc_logs", "monitor.cli.exporters.gc_logs", "GC pauses from the logs of Go, Node and the JVM."),
    Kind("access_log", "monitor.cli.exporters.access_log", "Requests and latency from access logs."),
    Kind("expvar", "monitor.cli.exporters.expvar", "GC pauses and variables of Go's /debug/vars."),
    Kind("load_test", "monitor.cli.exporters.load_test", "Runs of wrk, ab and hey as series."),
)

# What somebody may look for here, and how it is used instead.
_INSIDE_A_SERVER = {
    "asgi": 'app.add_middleware(MetricsMiddleware, registry=CollectorRegistry(), metrics_path="/metrics") with '
    "MetricsMiddleware of exporters.asgi",
    "python_gc": "install(registry) of exporters.python_gc",
}


def build_app(kinds: Iterable[Kind]) -> typer.Typer:
    """The sub-commands of `plimsoll exporter`. Exit codes: 0; 2 for a wrong option; 1 for every ExporterError."""
    kinds = tuple(kinds)
    app = typer.Typer(cls=_group_of(kinds), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(_exporter)
    for kind in kinds:
        app.command(kind.name, help=kind.help)(_stand_in)
    return app


def load_command(kind: Kind) -> Any:
    """The Click command of a kind."""
    return typer.main.get_command(import_module(kind.module).app)


def _group_of(kinds: tuple[Kind, ...]) -> type[TyperGroup]:
    by_name = {kind.name: kind for kind in kinds}

    class LazyKinds(TyperGroup):
        """Puts a kind's own command in the place of its stand-in, and shows what an exporter could not do."""

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            if args[0] in _INSIDE_A_SERVER:
                ctx.fail(f"{args[0]} runs inside the server, as a line of its Python: {_INSIDE_A_SERVER[args[0]]}")
            name, command, rest = super().resolve_command(ctx, args)
            return name, load_command(by_name[name]) if name in by_name else command, rest

        def invoke(self, ctx: Any) -> Any:
            try:
                return super().invoke(ctx)
            except ExporterError as error:
                typer.echo(f"plimsoll exporter: {error}", err=True)
                raise typer.Exit(1) from error

    return LazyKinds


def _exporter() -> None:
    """Make the numbers of a running server scrapeable.

    Example: plimsoll exporter process --port 8080 --listen 127.0.0.1:9256
    """


def _stand_in() -> None:
    raise AssertionError("BUG: got a call of a stand-in, want the kind's own command")


app = build_app(KINDS)
