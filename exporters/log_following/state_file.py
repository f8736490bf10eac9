"""Remembers over a restart how far each log was read.

    {"version": 1, "logs": {"/var/log/nginx/access.log": [{"device": 1, "inode": 2, "offset": 3, "guard": "…"}]}}

The files of a log stand oldest first. `guard` is a hash of what stands before the offset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporters.errors import InvalidStateFile
from exporters.log_following.open_file import FilePosition

Positions = Mapping[str, Sequence[FilePosition]]

_VERSION = 1


class StateFile:
    """Written whole or not at all, and only if something changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: Positions | None = None

    def load(self) -> Positions:
        """Empty if there is no such file. Raises InvalidStateFile, OSError."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return _positions(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidStateFile(str(self._path), f"a state file of version {_VERSION}") from error

    def save(self, positions: Positions) -> None:
        """Raises OSError; the old content is then still there."""
        if positions == self._saved:
            return
        logs = {name: [asdict(position) for position in files] for name, files in positions.items()}
        new = self._path.with_name(self._path.name + ".new")
        new.write_text(json.dumps({"version": _VERSION, "logs": logs}))
        new.replace(self._path)
        self._saved = dict(positions)


def _positions(state: Any) -> Positions:
    if state["version"] != _VERSION:
        raise ValueError(state["version"])
    return {
        name: tuple(
            FilePosition(int(each["device"]), int(each["inode"]), int(each["offset"]), str(each["guard"]))
            for each in files
        )
        for name, files in state["logs"].items()
    }
