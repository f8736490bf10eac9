"""One replica: started, watched, started again when it ends by itself, drained and stopped when it is no longer wanted.

STARTING ─accepts─► READY ─drain()─► DRAINING ─idle or late─► STOPPING ─► ENDED
   ▲ │                │                 │ revive()
   │ └──ends by itself┤                 └──► READY
   └──────WAITING◄────┘
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alerts.autoscale.processes.balancer import Balancer
from alerts.autoscale.processes.connection import Backend
from alerts.autoscale.processes.log_tail import LogTail
from alerts.autoscale.processes.plan import COMING_OR_SERVING, Phase, ReplicaView
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.spawn import ProcessIdentity, identify, signal_group, spawn
from monitor.clock import Clock

logger = logging.getLogger(__name__)

_LOG_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What replicas share. `changed` is called whenever a phase has changed."""

    balancer: Balancer
    clock: Clock
    environment: Mapping[str, str]
    changed: Callable[[], None]


class Replica:
    """`failures` counts the times it ended, or never became ready, while it was wanted."""

    def __init__(
        self, number: int, port: int, generation: int, settings: FleetSettings, surroundings: Surroundings
    ) -> None:
        self.number = number
        self.port = port
        self.generation = generation
        self.phase = Phase.STARTING
        self.process: ProcessIdentity | None = None
        self.failures = 0
        self.last_exit = ""
        self.log = LogTail(settings.log_tail_bytes)
        self._settings = settings
        self._surroundings = surroundings
        self._backend = Backend(port)
        self._is_wanted = True
        self._has_exited = False
        self._complaint = ""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._live())

    def drain(self) -> None:
        """It is no longer wanted: takes no new connections, ends when those it has have ended."""
        self._is_wanted = False
        self._changed.set()

    def revive(self) -> None:
        """Takes back a drain that has not come to stopping yet."""
        self._is_wanted = True
        self._changed.set()

    def view(self) -> ReplicaView:
        """As the plan sees it: what it was told counts, though its task may not have got to it yet."""
        phase = self.phase
        if not self._is_wanted and phase in COMING_OR_SERVING:
            phase = Phase.DRAINING
        elif self._is_wanted and phase is Phase.DRAINING:
            phase = Phase.READY
        return ReplicaView(self.number, phase, self.generation, self._backend.connections())

    async def _live(self) -> None:
        wait_ms = self._settings.restart_wait_min_ms
        try:
            while self._is_wanted:
                was_stable = await self._live_once()
                if not self._is_wanted:
                    break
                self.failures += 1
                wait_ms = self._settings.restart_wait_min_ms if was_stable else wait_ms
                logger.warning("replica %d: %s; starts again in %d ms", self.number, self.last_exit, wait_ms)
                self._enter(Phase.WAITING)
                await self._until(lambda: not self._is_wanted, wait_ms)
                wait_ms = min(2 * wait_ms, self._settings.restart_wait_max_ms)
        finally:
            self._enter(Phase.ENDED)

    async def _live_once(self) -> bool:
        """One process from start to end; whether it was ready long enough to count as stable."""
        self._enter(Phase.STARTING)
        self._complaint = ""
        try:
            child = spawn(self._command(), self._environment())
        except OSError as error:
            self.last_exit = f"cannot be started: {error}"
            return False
        try:
            self._watch(child)
            self._surroundings.changed()
            return await self._serve(child)
        finally:
            self._surroundings.balancer.remove(self._backend)
            self._reap(child)

    async def _serve(self, child: subprocess.Popen[bytes]) -> bool:
        clock = self._surroundings.clock
        if not await self._becomes_ready():
            await self._stop(child)
            return False
        ready_seconds = clock.monotonic_seconds()
        await self._serve_until_unwanted()
        stable_ms = (clock.monotonic_seconds() - ready_seconds) * 1000
        await self._stop(child)
        return stable_ms >= self._settings.stable_after_ms

    async def _serve_until_unwanted(self) -> None:
        """Returns when the process has exited, or when it is drained and still unwanted."""
        while not self._has_exited:
            self._enter(Phase.READY)
            self._surroundings.balancer.add(self._backend)
            await self._until(lambda: self._has_exited or not self._is_wanted)
            if self._has_exited:
                return
            self._enter(Phase.DRAINING)
            self._surroundings.balancer.drain(self._backend)
            await self._until(self._has_drained, self._settings.graceful_stop_ms)
            if not self._is_wanted:
                return

    def _has_drained(self) -> bool:
        return self._has_exited or self._is_wanted or not self._backend.connections()

    async def _becomes_ready(self) -> bool:
        """Whether it accepts connections before it ends, is unwanted or runs out of time."""
        clock = self._surroundings.clock
        deadline_seconds = clock.monotonic_seconds() + self._settings.start_timeout_ms / 1000
        while not self._has_exited and self._is_wanted:
            if await _accepts(self.port):
                return True
            if clock.monotonic_seconds() >= deadline_seconds:
                self._complaint = f"did not accept connections within {self._settings.start_timeout_ms} ms, "
                return False
            await self._until(lambda: self._has_exited or not self._is_wanted, self._settings.ready_poll_ms)
        return False

    async def _stop(self, child: subprocess.Popen[bytes]) -> None:
        if self._has_exited:
            return
        self._enter(Phase.STOPPING)
        signal_group(child.pid, signal.SIGTERM)
        if not await self._until(lambda: self._has_exited, self._settings.end_timeout_ms):
            logger.warning("replica %d ignored SIGTERM for %d ms", self.number, self._settings.end_timeout_ms)
            signal_group(child.pid, signal.SIGKILL)
            await self._until(lambda: self._has_exited)

    async def _until(self, is_done: Callable[[], bool], timeout_ms: int | None = None) -> bool:
        """Whether `is_done` came true in time. Looked at when something changes here, and now and then for the rest."""
        clock = self._surroundings.clock
        deadline_seconds = None if timeout_ms is None else clock.monotonic_seconds() + timeout_ms / 1000
        while not is_done():
            poll_seconds = None
            if deadline_seconds is not None:
                left_seconds = deadline_seconds - clock.monotonic_seconds()
                if left_seconds <= 0:
                    return False
                poll_seconds = min(left_seconds, self._settings.ready_poll_ms / 1000)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_seconds):
                    await self._changed.wait()
        return True

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        """Follows the exit, without reaping, and the output of `child`."""
        loop = asyncio.get_running_loop()
        self._has_exited = False
        self.process = identify(child.pid)
        exit_descriptor = os.pidfd_open(child.pid)

        def note_exit() -> None:
            loop.remove_reader(exit_descriptor)
            os.close(exit_descriptor)
            self._has_exited = True
            self._changed.set()

        loop.add_reader(exit_descriptor, note_exit)
        assert child.stdout is not None, "BUG: got a child without output, want a pipe"
        os.set_blocking(child.stdout.fileno(), False)
        loop.add_reader(child.stdout.fileno(), self._read_log, child)

    def _read_log(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None, "BUG: got a child without output, want a pipe"
        data = os.read(child.stdout.fileno(), _LOG_CHUNK_BYTES)
        if data:
            self.log.write(data)
        else:
            asyncio.get_running_loop().remove_reader(child.stdout.fileno())

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        """Ends what is left of the group, then waits: only until then the group's id is certainly ours."""
        signal_group(child.pid, signal.SIGKILL)
        self.last_exit = self._complaint + exit_text(child.wait())
        assert child.stdout is not None, "BUG: got a child without output, want a pipe"
        with contextlib.suppress(BlockingIOError):
            self.log.write(os.read(child.stdout.fileno(), _LOG_CHUNK_BYTES))
        asyncio.get_running_loop().remove_reader(child.stdout.fileno())
        child.stdout.close()
        self.process = None
        logger.info("replica %d %s", self.number, self.last_exit)

    def _command(self) -> list[str]:
        return [argument.replace("{port}", str(self.port)) for argument in self._settings.command]

    def _environment(self) -> dict[str, str]:
        own = {"PORT": str(self.port), "PLIMSOLL_REPLICA": str(self.number)}
        return {**self._surroundings.environment, **own}

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._surroundings.changed()


def exit_text(code: int) -> str:
    """From a return code as subprocess gives it: negative is a signal. Real-time signals have no names."""
    if code >= 0:
        return f"exited with code {code}"
    number = signal.strsignal(-code) if -code not in set(signal.Signals) else signal.Signals(-code).name
    return f"ended by {number or f'signal {-code}'}"


async def _accepts(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.setblocking(False)
        try:
            async with asyncio.timeout(1):
                await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", port))
        except OSError:
            return False
        return True
