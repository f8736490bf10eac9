"""The load generator as the demo holds it: a process of its own that is told rates and says what came back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from monitor.demo.children import Child
from monitor.demo.load import LoadReport


class Buyers:
    """Sends requests from `set_rate` on. `report` is the newest; None before the first."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.report: LoadReport | None = None
        self._following = asyncio.create_task(self._follow())

    @classmethod
    async def start(cls, url: str, log: Path) -> Buyers:
        arguments = ["-m", "monitor.demo.load", "--url", url]
        return cls(await Child.start("the load generator", arguments, log, is_piped=True))

    def set_rate(self, rate: float) -> None:
        """Requests a second from now on."""
        assert self._child.process.stdin is not None, "BUG: got no pipe, want the generator's input"
        self._child.process.stdin.write(f"{rate:g}\n".encode())

    def check(self) -> None:
        """Raises DemoError if the process has ended."""
        self._child.check()

    async def end(self, timeout_seconds: float) -> None:
        await self._child.end(timeout_seconds)
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        assert self._child.process.stdout is not None, "BUG: got no pipe, want the generator's output"
        while line := await self._child.process.stdout.readline():
            self.report = LoadReport(**json.loads(line))
