"""The service's end of a connection to a keeper (control.py says what goes over it)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path
from typing import Any

from alerts.autoscale.processes.control import LINE_MAX_BYTES
from alerts.autoscale.processes.fleet import FleetStatus
from alerts.autoscale.processes.socket_path import short_path
from alerts.autoscale.stored_form import from_json
from monitor.errors import DeliveryError

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_SECONDS = 5.0


class KeeperLink:
    """One question at a time. Once it is broken it stays so."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._broken = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, path: Path) -> KeeperLink | None:
        """None if no keeper listens there."""
        try:
            with short_path(path) as short:
                return cls(*await asyncio.open_unix_connection(short, limit=LINE_MAX_BYTES))
        except OSError:
            return None

    @property
    def is_broken(self) -> bool:
        return self._broken.is_set()

    async def wait_broken(self) -> None:
        await self._broken.wait()

    async def ask(self, verb: str, **arguments: Any) -> FleetStatus:
        """The fleet after what was asked for. Raises DeliveryError."""
        answer = await self._ask({"verb": verb, **arguments})
        try:
            return from_json(FleetStatus, json.dumps(answer["status"]))
        except ValueError as error:
            raise DeliveryError(f"the keeper is of another version: {error}", permanent=False) from error

    async def log(self, replica: int) -> str:
        """The last output of a replica. Raises DeliveryError."""
        text: str = (await self._ask({"verb": "log", "replica": replica}))["log"]
        return text

    async def close(self) -> None:
        self._broken.set()
        self._listening.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._answers.put_nowait(line)
        except (OSError, ValueError) as error:
            logger.warning("the connection to the keeper ended: %s", error)
        finally:
            self._broken.set()
            self._answers.put_nowait(b"")

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._turn:
            if self.is_broken:
                raise DeliveryError("the keeper has gone", permanent=False)
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                    self._writer.write(json.dumps(request).encode() + b"\n")
                    await self._writer.drain()
                    line = await self._answers.get()
            except OSError as error:
                self._broken.set()
                raise DeliveryError(f"the keeper does not answer: {error or 'timeout'}", permanent=False) from error
            except asyncio.CancelledError:
                # A late answer would be taken for that to the next question.
                self._broken.set()
                raise
        if not line:
            raise DeliveryError("the keeper has gone", permanent=False)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DeliveryError(f"the keeper refuses: {answer['error']}", permanent=False)
        return answer
