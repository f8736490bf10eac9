"""`plimsoll snapshot`: a copy of everything a running server stores."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from monitor.cli.server_client import ServerClient

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: plimsoll snapshot http://127.0.0.1:9090")
def snapshot(
    server: Annotated[str, typer.Argument(help="URL of a server that was started with --enable-admin-api.")],
    skip_head: Annotated[bool, typer.Option(help="Leave out what is in no block yet.")] = False,
) -> None:
    """Copy everything stored to snapshots/NAME in the server's data directory, while it runs; print NAME.

    Blocks are hard links and cost no space. Copy the folder to another disk to be safe from the loss of this one, and
    make a data directory of it with `plimsoll restore`.
    """
    parameters: dict[str, str | list[str]] = {"skip_head": "true"} if skip_head else {}
    with ServerClient(server).ask("POST", "/api/v1/admin/tsdb/snapshot", parameters) as response:
        typer.echo(orjson.loads(response.read())["data"]["name"])
