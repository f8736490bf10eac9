"""`plimsoll serve`: the service itself."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.options import ServeOptions, parse_listen
from monitor.app.run import serve as run_service

app = typer.Typer(add_completion=False)

_EPILOG = "Example: plimsoll serve --config plimsoll.yml --data ./data --listen 127.0.0.1:9090"


def _listen(text: str) -> str:
    try:
        parse_listen(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


@app.command(epilog=_EPILOG)
def serve(
    config: Annotated[Path, typer.Option(help="Configuration: a prometheus.yml, or that and more.")] = Path(
        "plimsoll.yml"
    ),
    data: Annotated[Path, typer.Option(help="Where everything is kept; made if it is not there.")] = Path("data"),
    listen: Annotated[str, typer.Option(help="Address of the HTTP API.", callback=_listen)] = "127.0.0.1:9090",
    external_url: Annotated[str, typer.Option(help="How others reach this service, for links in alerts.")] = "",
    enable_feature: Annotated[list[str], typer.Option(help="A feature, named as Prometheus names it.")] = [],  # noqa: B006
    enable_admin_api: Annotated[
        bool, typer.Option("--enable-admin-api", help="Let clients delete series and take snapshots.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Scrape, store, answer queries, evaluate rules, notify and scale, until SIGTERM.

    SIGHUP reads the configuration again; a wrong one changes nothing. Exit code 1 says that it could not start.
    """
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    host, port = parse_listen(listen)
    features = tuple(name for names in enable_feature for name in names.split(",") if name)
    options = ServeOptions(config, data, host, port, external_url, features, enable_admin_api)
    _run(options)


def _run(options: ServeOptions) -> None:
    try:
        import uvloop  # noqa: PLC0415  (there is none for Windows)
    except ImportError:
        asyncio.run(run_service(options, _announce))
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_service(options, _announce))


def _announce(url: str) -> None:
    typer.echo(f"plimsoll is ready at {url}", err=True)
