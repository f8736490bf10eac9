"""Questions of `plimsoll query` to a server, and what becomes of the answers that are errors."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import orjson
import typer

from monitor.cli.server_client import ServerClient, ServerRefused, ServerUnreachable
from monitor.errors import BadRequest

Json = dict[str, Any]
Parameters = Mapping[str, str | list[str]]

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ExitCode(enum.IntEnum):
    """What a script learns. 2 is also what the command line itself ends with when it is used wrongly."""

    OK = 0
    QUERY_ERROR = 1
    USAGE = 2
    UNREACHABLE = 3


class Server:
    """Asks, shows warnings and infos on stderr, and ends the program with an ExitCode where there is no answer."""

    def __init__(self, url: str) -> None:
        with _exit_codes():
            self._client = ServerClient(url)

    def post(self, path: str, parameters: Parameters) -> Any:
        """The `data` of the answer. Parameters that are empty are left out."""
        given = {name: value for name, value in parameters.items() if value}
        body = urlencode(given, doseq=True).encode()
        with _exit_codes(), self._client.ask("POST", path, body=[body], headers=_FORM) as response:
            return _data(response.read())

    def get(self, path: str, parameters: Parameters) -> Any:
        with _exit_codes(), self._client.ask("GET", path, parameters) as response:
            return _data(response.read())


def _data(body: bytes) -> Any:
    try:
        answer = orjson.loads(body)
        data = answer["data"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ServerRefused("the answer is not that of a Prometheus API") from None
    for kind in ("warnings", "infos"):
        for text in answer.get(kind, ()):
            typer.echo(f"{kind.removesuffix('s')}: {text}", err=True)
    return data


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except BadRequest as error:
        typer.echo(f"plimsoll query: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    except ServerUnreachable as error:
        typer.echo(f"plimsoll query: {error}", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE) from None
    except ServerRefused as error:
        typer.echo(f"plimsoll query: {error}", err=True)
        raise typer.Exit(ExitCode.QUERY_ERROR) from None
