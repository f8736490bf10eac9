"""Scrape targets that cost next to nothing: one process with answers made beforehand.

`python -m comparison.fleet_server SERIES INTERVAL_SECONDS` prints its port and serves until its input ends.
`/t/<target>/metrics` exposes SERIES series; what it says goes on with the clock, one step an interval, and begins anew
after BODIES steps as after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from comparison.fleet_history import FleetShape, instance_history, is_counter, target_labels

BODIES = 120
FLEET_JOB = "fleet"
_HISTOGRAM_ENDS = ("_bucket", "_sum", "_count")


@dataclass(frozen=True, slots=True)
class ServedFleet:
    port: int

    def config(self, targets: int, interval_ms: int) -> str:
        """A prometheus.yml that scrapes the first `targets` of them."""
        lines = [
            f"global: {{scrape_interval: {interval_ms}ms, scrape_timeout: {interval_ms}ms}}",
            "scrape_configs:",
            f"- job_name: {FLEET_JOB}",
            "  static_configs:",
        ]
        for target in range(targets):
            labels = {"__metrics_path__": f"/t/{target}/metrics", **target_labels(target)}
            pairs = ", ".join(f"{name}: '{value}'" for name, value in labels.items())
            lines.append(f"  - {{targets: ['127.0.0.1:{self.port}'], labels: {{{pairs}}}}}")
        return "\n".join([*lines, ""])


@contextlib.contextmanager
def served_fleet(series: int, interval_ms: int) -> Iterator[ServedFleet]:
    """Ends with the block."""
    command = [sys.executable, "-m", "comparison.fleet_server", str(series), str(interval_ms / 1000)]
    folder = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None, "BUG: got no pipe from the fleet"
        try:
            yield ServedFleet(int(process.stdout.readline()))
        finally:
            process.kill()


def render_bodies(series: int, interval_seconds: float, bodies: int) -> list[bytes]:
    """What a target with `series` series says, step by step; `up` is not among them."""
    shape = FleetShape(instances=1, series=series + 1)
    times_ms = (np.arange(bodies) * interval_seconds * 1000).astype(np.int64)
    history = instance_history(shape, 0, times_ms, interval_seconds)
    known = {"__name__", "job", *target_labels(0)}
    families: dict[str, list[tuple[str, int]]] = {}
    for row, labels in enumerate(history.labels):
        if labels["__name__"] != "up":
            own = ",".join(f'{name}="{value}"' for name, value in labels.items() if name not in known)
            text = f"{labels['__name__']}{{{own}}} " if own else f"{labels['__name__']} "
            families.setdefault(_family(labels["__name__"]), []).append((text, row))
    values = np.nan_to_num(history.values).T.tolist()
    return [_exposition(families, step).encode() for step in values]


def _family(name: str) -> str:
    return next((name.removesuffix(end) for end in _HISTOGRAM_ENDS if name.endswith(end)), name)


def _exposition(families: dict[str, list[tuple[str, int]]], values: list[float]) -> str:
    parts = []
    for family, lines in families.items():
        parts.append(f"# HELP {family} What a web server says of itself.\n# TYPE {family} {_type(family, lines)}\n")
        parts += [f"{text}{_number(values[row])}\n" for text, row in lines]
    return "".join(parts)


def _type(family: str, lines: list[tuple[str, int]]) -> str:
    if lines[0][0].startswith(f"{family}_bucket"):
        return "histogram"
    if lines[0][0].startswith((f"{family}_sum", f"{family}_count")):
        return "summary"
    return "counter" if is_counter(family) else "gauge"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


class _Connection(asyncio.Protocol):
    def __init__(self, answers: list[bytes], interval_seconds: float) -> None:
        self._answers = answers
        self._interval_seconds = interval_seconds
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            assert self._transport is not None, "BUG: got data before a connection"
            target = int(head.split(b"/", 3)[2])
            step = int(time.monotonic() / self._interval_seconds) + 7 * target
            self._transport.write(self._answers[step % len(self._answers)])


def _answer(body: bytes) -> bytes:
    kind = b"text/plain; version=0.0.4; charset=utf-8"
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)


async def _serve(series: int, interval_seconds: float) -> None:
    answers = [_answer(body) for body in render_bodies(series, interval_seconds, BODIES)]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers, interval_seconds), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
