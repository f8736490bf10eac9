"""What every `plimsoll exporter KIND` has in common: its options, and serving or printing what was collected."""

from __future__ import annotations

import json
import math
from typing import Annotated
from wsgiref.types import WSGIApplication

import typer
from prometheus_client.registry import Collector

from exporters.errors import InvalidAddress
from exporters.serve import ListenAddress, MetricsServer, serve_until_signal


def _check_address(text: str) -> str:
    try:
        ListenAddress.parse(text)
    except InvalidAddress as error:
        raise typer.BadParameter(str(error)) from error
    return text


ListenOption = Annotated[
    str,
    typer.Option(
        "--listen",
        callback=_check_address,
        metavar="HOST:PORT",
        help="Serve the metrics here; port 0 takes a free one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one reading as JSON and exit.")]


def run_exporter(registry: Collector, listen: str, as_json: bool, application: WSGIApplication | None = None) -> None:
    """Prints one reading, or serves `registry` until SIGTERM or SIGINT; `application` answers in its place if given.

    Raises CannotListen, InvalidAddress.
    """
    if as_json:
        typer.echo(reading_as_json(registry))
        return
    server = MetricsServer(registry, ListenAddress.parse(listen), application=application)
    serve_until_signal(server, lambda url: typer.echo(f"serving {url}"))


def reading_as_json(registry: Collector) -> str:
    """One reading of `registry`: ``{"metrics": [{name, type, help, samples: [{name, labels, value}]}]}``.

    `samples` have the names of the text format. NaN and infinities are strings, as in Prometheus's HTTP API.
    """
    metrics = [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [
                {"name": sample.name, "labels": sample.labels, "value": _json_number(sample.value)}
                for sample in family.samples
            ],
        }
        for family in registry.collect()
    ]
    return json.dumps({"metrics": metrics}, indent=2)


def _json_number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return value
