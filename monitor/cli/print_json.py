"""What `--json` prints."""

from __future__ import annotations

from typing import Any

import orjson
import typer


def print_json(value: Any) -> None:
    """Indented JSON on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
