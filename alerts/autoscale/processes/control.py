"""What the service says to a keeper: one JSON object a line over a Unix socket, one answer for each, in order.

    {"verb": "own", "settings": {…} | null}   be an owner; with settings, let them apply from now on
    {"verb": "scale", "desired": 4}
    {"verb": "status"}
    {"verb": "log", "replica": 2}
    {"verb": "end"}                           drain everything, then exit
    → {"status": {…}, "log": "…"} or {"error": "…"}

A keeper keeps its replicas as long as the connection of any owner is open, and for the owner's grace after that.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from alerts.autoscale.processes.fleet import Fleet
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.socket_path import short_path
from alerts.autoscale.stored_form import from_json, plain

logger = logging.getLogger(__name__)

LINE_MAX_BYTES = 1_048_576


class ControlServer:
    """Serves the socket. `is_ending` is set when the owner wants the keeper to end, or elsewhere for other reasons."""

    def __init__(self, fleet: Fleet, keeper_pid: int, is_ending: asyncio.Event) -> None:
        self._fleet = fleet
        self._keeper_pid = keeper_pid
        self._is_ending = is_ending
        self._owners: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.owners_changed = asyncio.Event()

    @property
    def has_owner(self) -> bool:
        return bool(self._owners)

    async def open(self, path: Path) -> None:
        """Listens at `path`, which does not exist; its directory decides who may connect."""
        with short_path(path) as short:
            self._server = await asyncio.start_unix_server(self._serve, short, limit=LINE_MAX_BYTES)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line, writer)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            logger.warning("a control connection ended: %s", error)
        finally:
            self._owners.discard(writer)
            self.owners_changed.set()
            writer.close()

    def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> dict[str, Any]:
        """ValueErrors from what was asked for are answers; what is no JSON ends the connection."""
        request = json.loads(line)
        try:
            log = self._carry_out(request, writer)
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"status": plain(self._fleet.status(self._keeper_pid)), "log": log}

    def _carry_out(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> str:
        """The log text where one was asked for."""
        verb = request["verb"]
        if verb == "log":
            return self._fleet.log(request["replica"])
        if verb == "end":
            self._is_ending.set()
        elif verb not in ("own", "scale", "status"):
            raise ValueError(f"got the verb {verb!r}, want own, scale, status, log or end")
        elif verb != "status" and self._is_ending.is_set():
            raise ValueError("the keeper is ending")
        elif verb == "own":
            self._own(request["settings"], writer)
        elif verb == "scale":
            self._fleet.scale(int(request["desired"]))
        return ""

    def _own(self, settings: dict[str, Any] | None, writer: asyncio.StreamWriter) -> None:
        """There are two owners for a moment when the service reloads: the newest settings count."""
        if settings is not None:
            self._fleet.configure(from_json(FleetSettings, json.dumps(settings)))
        self._owners.add(writer)
        self.owners_changed.set()
