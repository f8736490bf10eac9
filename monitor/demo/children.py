"""The processes that the demo starts, and how they end with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path

from alerts.autoscale.processes.leftovers import end_leftovers
from alerts.autoscale.processes.spawn import ProcessIdentity, is_alive, signal_process
from alerts.autoscale.processes.state_file import StateDirectory
from monitor.errors import DemoError

_LOG_TAIL_BYTES = 2_000
_POLL_SECONDS = 0.05


class Child:
    """A Python program that runs until it is ended, or until this process is gone."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self._name = name
        self.log = log
        self.process = process

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], log: Path, *, is_piped: bool = False) -> Child:
        """Runs this Python with `arguments`, in a session of its own so that Ctrl-C is left to us.

        What it complains about goes to `log`; with `is_piped` its input and output are ours.
        """
        command = [sys.executable, "-m", "monitor.demo.tied", str(os.getpid()), sys.executable, *arguments]
        pipes = PIPE if is_piped else DEVNULL
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipes, stdout=pipes, stderr=output, start_new_session=True
            )
        return cls(name, process, log)

    def check(self) -> None:
        """Raises DemoError with its last words if it has ended by itself."""
        if self.process.returncode is not None:
            raise DemoError(f"{self._name} has ended with code {self.process.returncode}:\n{self._last_words()}")

    async def end(self, timeout_seconds: float) -> None:
        """Returns when it has ended; it is killed if it takes longer than that."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), timeout_seconds)
                return

    def _last_words(self) -> str:
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or f"nothing in {self.log}"


async def end_fleet(directory: Path, timeout_seconds: float) -> None:
    """Ends the processes that the actuator keeps, and their keeper. To be called when the service has ended.

    The keeper would do so itself after its grace; the demo does not leave before.
    """
    state = StateDirectory(directory).read_state()
    if state is None:
        return
    signal_process(state.keeper, signal.SIGTERM)
    if not await _ended(state.keeper, timeout_seconds):
        signal_process(state.keeper, signal.SIGKILL)
        await _ended(state.keeper, timeout_seconds)
    end_leftovers(StateDirectory(directory))


async def _ended(process: ProcessIdentity, timeout_seconds: float) -> bool:
    """Whether it has, at the latest after that time."""
    for _ in range(round(timeout_seconds / _POLL_SECONDS)):
        if not is_alive(process):
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False
