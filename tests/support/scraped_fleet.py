"""A fleet of scrape targets in one process of its own, whose every sample can be checked by itself.

`scraped_fleet.py SERIES` prints its port and serves until its input ends. `/t/<target>/metrics` exposes SERIES series;
each value is the milliseconds since 1970 of its scrape, times 1000, plus the number of the series. `/scrapes` tells
by target when its scrapes arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import orjson

SERIES_MAX = 1000
METRIC = "fleet_value"


def value_of(timestamp_ms: int, series: int) -> int:
    """What a sample holds: exact as a float until the year 2255."""
    return timestamp_ms * SERIES_MAX + series


def series_labels(series: int) -> dict[str, str]:
    return {"series": str(series), "group": str(series % 10)}


@dataclass(frozen=True, slots=True)
class Fleet:
    """The side of the test."""

    port: int

    def scrape_configs(self, targets: int, interval_ms: int) -> str:
        """YAML of a configuration that scrapes the first `targets` of them, each with a label `target`."""
        lines = ["scrape_configs:"]
        for target in range(targets):
            lines += [
                f"- job_name: fleet-{target}",
                f"  metrics_path: /t/{target}/metrics",
                f"  scrape_interval: {interval_ms}ms",
                f"  scrape_timeout: {interval_ms}ms",
                f"  static_configs: [{{targets: ['127.0.0.1:{self.port}'], labels: {{target: '{target}'}}}}]",
            ]
        return "\n".join([*lines, ""])

    def scrapes_ms(self) -> dict[int, list[float]]:
        """When the scrapes of each target arrived since the last call, in milliseconds since 1970."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/scrapes")
            return {int(target): times for target, times in orjson.loads(connection.getresponse().read()).items()}
        finally:
            connection.close()


@contextlib.contextmanager
def scraped_fleet(series: int) -> Iterator[Fleet]:
    assert series <= SERIES_MAX, f"BUG: got {series} series, want at most {SERIES_MAX}"
    with subprocess.Popen(
        [sys.executable, __file__, str(series)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None, "BUG: got no pipe from the fleet"
        try:
            yield Fleet(int(process.stdout.readline()))
        finally:
            process.kill()


class _Connection(asyncio.Protocol):
    def __init__(self, template: bytes, scrapes: dict[int, list[float]]) -> None:
        self._template = template
        self._scrapes = scrapes
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            assert self._transport is not None, "BUG: got data before a connection"
            self._transport.write(self._answer(head.split(b" ")[1].decode()))

    def _answer(self, path: str) -> bytes:
        if path == "/scrapes":
            body = orjson.dumps({str(target): times for target, times in self._scrapes.items()})
            self._scrapes.clear()
        else:
            now = time.time_ns() / 1e6
            self._scrapes.setdefault(int(path.split("/")[2]), []).append(now)
            body = self._template.replace(b"NOW", b"%d" % now)
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )


def _template(series: int) -> bytes:
    lines = [f"# TYPE {METRIC} counter\n"]
    for number in range(series):
        labels = ",".join(f'{name}="{text}"' for name, text in series_labels(number).items())
        lines.append(f"{METRIC}{{{labels}}} NOW{number:03d}\n")
    return "".join(lines).encode()


async def _serve(series: int) -> None:
    template, scrapes = _template(series), dict[int, list[float]]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(template, scrapes), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.run(_serve(int(sys.argv[1])))
    except ImportError:
        asyncio.run(_serve(int(sys.argv[1])))
