"""A short piece of load, and what it has cost the server."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from watching.measured_server import MeasuredServer

from exporters.load_test.parse_run import parse_run

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece of load was."""

    requests: int
    cpu_seconds: float

    @property
    def requests_per_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds


@dataclass(frozen=True, slots=True)
class Load:
    """wrk on kept connections, as in the flash sale. `seconds` is the length of a piece."""

    connections: int
    seconds: int
    path: str = "/product/42"

    def run(self, server: MeasuredServer) -> Piece:
        """Raises RuntimeError if not every answer was one."""
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s"]
        before = server.cpu_seconds()
        text = subprocess.run(
            [*command, f"http://127.0.0.1:{server.port}{self.path}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        ).stdout
        cpu_seconds = server.cpu_seconds() - before
        run = parse_run(text, "wrk")
        if not run.requests or any(run.errors.values()):
            raise RuntimeError(f"wrk: got {run.requests} requests with {dict(run.errors)}, want some and no errors")
        return Piece(run.requests, cpu_seconds)
