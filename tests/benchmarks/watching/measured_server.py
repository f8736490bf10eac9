"""One server of the fleet as a process of its own, watched or not, and the CPU time that it has used."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.fleet.main import place_of
from deploy.fleet.servers import PRELOAD, Server, environment, serves_own_metrics

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
def running_server(server: Server, cache: Path, core: int, preloads: int = 1) -> Iterator[MeasuredServer]:
    """Started on a free port and ended, on `core` alone. One that shows its metrics by our preload has it that often:
    not at all, or in several copies, each of which does all that one does. Only with one it can be scraped.
    """
    place = place_of(server, 0)
    with TemporaryDirectory() as folder:
        variables = environment(server, place)
        if not serves_own_metrics(server) and preloads != 1:
            variables |= {"NODE_OPTIONS": _requiring(_copies(preloads, Path(folder))), "PLIMSOLL_METRICS_PORT": "0"}
        with subprocess.Popen(
            pinned([core], server.command(cache)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables,
        ) as process:
            try:
                _wait_until_open(place.port)
                url = f"http://127.0.0.1:{place.metrics_port}/metrics"
                yield MeasuredServer(process.pid, place.port, url if preloads == 1 else "")
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _copies(count: int, folder: Path) -> list[Path]:
    """Node loads a file once, so each is in a folder of its own."""
    return [shutil.copytree(PRELOAD.parent, folder / str(number)) / PRELOAD.name for number in range(count)]


def _requiring(files: Sequence[Path]) -> str:
    return " ".join(f'--require "{file}"' for file in files)


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
