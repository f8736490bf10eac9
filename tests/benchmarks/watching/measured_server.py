"""One server of the fleet as a process of its own, watched or not, and the CPU time that it has used."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.fleet.main import free_port, place_of
from deploy.fleet.servers import Place, Server, environment

READY_SECONDS = 20.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class MeasuredServer:
    """A running server. `metrics_url` is empty if it shows none."""

    process_id: int
    port: int
    metrics_url: str

    def cpu_seconds(self) -> float:
        """Of all its threads, ended ones too, to the nanosecond: its CPU-time clock, clock_getcpuclockid(3)."""
        # The kernel's own encoding: ~pid << 3, and 2 for the scheduler's clock (include/linux/posix-timers.h).
        return time.clock_gettime((~self.process_id << 3) | 2)


@contextmanager
def running_server(server: Server, cache: Path, core: int, *, has_metrics: bool = True) -> Iterator[MeasuredServer]:
    """Started on a free port and ended, on `core` alone. Without `has_metrics` one that is preloaded is bare."""
    place = place_of(server, 0) if has_metrics else Place(free_port(), 0)
    variables = environment(server, place) if has_metrics else {**os.environ, "PORT": str(place.port)}
    with subprocess.Popen(
        pinned([core], server.command(cache)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables,
    ) as process:
        try:
            _wait_until_open(place.port)
            url = f"http://127.0.0.1:{place.metrics_port}/metrics" if has_metrics else ""
            yield MeasuredServer(process.pid, place.port, url)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def pinned(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """The command, on these processors only."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


def _wait_until_open(port: int) -> None:
    """Raises OSError if nothing listens there in time."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
