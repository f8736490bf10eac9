"""`plimsoll exporter access_log`."""

from __future__ import annotations

from typing import Annotated

import typer

from exporters.access_log.collector import AccessLogCollector
from exporters.access_log.formats import line_format
from exporters.access_log.routes import RouteSettings
from exporters.access_log.totals import AccessLogSettings
from exporters.log_following.followed_file import Start
from exporters.log_following.state_file import StateFile
from monitor.cli.exporters.follow import StateOption, WaitOption, follow_and_export, open_sources, read_to_end
from monitor.cli.exporters.run import JsonOption, ListenOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Example: plimsoll exporter access_log --file /var/log/nginx/access.log --state /var/lib/shop.state"
)
def access_log(
    *,
    file: Annotated[
        list[str], typer.Option(metavar="FILE", help="Follow this file or FIFO; - is standard input. Repeatable.")
    ],
    log_format: Annotated[
        str,
        typer.Option(
            "--format", help="combined, common, envoy, json, or a log_format of nginx or a LogFormat of Apache."
        ),
    ] = "combined",
    route: Annotated[
        list[str] | None, typer.Option(help='A route such as /product/{id}; paths of no route are "". Repeatable.')
    ] = None,
    routes_max: Annotated[int, typer.Option(min=1, help="Routes told apart; further ones are _OTHER.")] = 200,
    state: StateOption = None,
    start: Annotated[
        Start | None,
        typer.Option(help="Where to begin in a file without a remembered position; end, with --json beginning."),
    ] = None,
    wait: WaitOption = False,
    listen: ListenOption = "127.0.0.1:9261",
    as_json: JsonOption = False,
) -> None:
    """Requests, latency and bytes by route and status from access logs: nginx, Apache, Caddy, Envoy."""
    reader = line_format(log_format)
    state_file = StateFile(state) if state else None
    begin = start or (Start.BEGINNING if as_json else Start.END)
    settings = AccessLogSettings(RouteSettings(routes_max=routes_max, templates=tuple(route or ())))
    sources = open_sources(file, begin, wait, state_file)
    collector = AccessLogCollector(sources, reader, state_file, settings)
    if as_json:
        read_to_end(collector)
    follow_and_export(collector, collector.poll, sources.values(), listen, as_json)
