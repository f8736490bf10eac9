"""A short piece of load, and what it has cost the server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from watching.measured_server import MeasuredServer, pinned

from exporters.load_test.parse_run import parse_run

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece of load was. `scrapes` went on beside it, and are in the CPU time."""

    requests: int
    cpu_seconds: float
    scrapes: int = 0

    @property
    def requests_per_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds


def whole(pieces: Sequence[Piece]) -> Piece:
    """All of them as one."""
    return Piece(
        sum(piece.requests for piece in pieces),
        sum(piece.cpu_seconds for piece in pieces),
        sum(piece.scrapes for piece in pieces),
    )


@dataclass(frozen=True, slots=True)
class Load:
    """wrk on kept connections, as in the flash sale, on `cores`. `seconds` is the length of a piece.

    Each connection pauses between its requests, so that the rate is nearly fixed: at saturation, how many requests the
    server finds each time it looks changes from piece to piece, and its CPU time for each with that.
    """

    connections: int
    seconds: int
    pause_ms: int
    cores: tuple[int, ...]
    path: str = "/product/42"

    def run(self, server: MeasuredServer) -> Piece:
        """Raises RuntimeError if not every answer was one."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f"function delay()\n   return {self.pause_ms}\nend\n")
            script.flush()
            paused = ["-s", script.name] if self.pause_ms else []
            command = ["wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s", *paused]
            before = server.cpu_seconds()
            text = subprocess.run(
                pinned(self.cores, [*command, f"http://127.0.0.1:{server.port}{self.path}"]),
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
