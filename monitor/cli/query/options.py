"""Options that the verbs of `plimsoll query` share."""

from __future__ import annotations

from typing import Annotated

import typer

DEFAULT_SERVER = "http://127.0.0.1:9090"

ServerOption = Annotated[
    str, typer.Option("--server", envvar="PLIMSOLL_SERVER", help="URL of a server; any Prometheus will do.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the data of the answer as JSON.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")]
LimitOption = Annotated[int, typer.Option(min=0, help="Most series or names; 0 is no limit.")]
StartOption = Annotated[str, typer.Option(help="Begin: RFC 3339, Unix seconds, or how long ago, such as 2h.")]
EndOption = Annotated[str, typer.Option(help="End, inclusive; the same forms, or now.")]
StepOption = Annotated[str, typer.Option(help="Time between steps: a duration or seconds. Default: 120 steps.")]
MatchOption = Annotated[list[str], typer.Option("--match", help="A series selector; several add up.")]
QueryArgument = Annotated[str, typer.Argument(help="A PromQL expression.")]


def check_formats(as_json: bool, as_csv: bool) -> None:
    """Ends the program as a usage error if both are wanted."""
    if as_json and as_csv:
        raise typer.BadParameter("got --json and --csv, want one of them")
