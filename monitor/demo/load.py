"""The demo's load generator, a process of its own: `python -m monitor.demo.load --url http://127.0.0.1:8000/buy`.

It reads requests a second from its input, one number a line, keeps to the last one, and ends when its input does. Each
second it prints one line of JSON (LoadReport).

The load is open: buyers arrive at random (a Poisson process) and do not wait for each other, so a slow server gets no
fewer of them. An answer's time counts from the moment its buyer was due, also if this process was late itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import uvloop

from monitor.demo.http_client import ConnectionPool

OK = 200


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """`window_seconds` is what the quantiles of a report are taken over."""

    connections_max: int = 4_000
    timeout_seconds: float = 10.0
    window_seconds: float = 5.0
    report_interval_seconds: float = 1.0
    tick_seconds: float = 0.002


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Requests that were due, answered with 200 and failed otherwise, since the start; quantiles over the window.

    `rate` is the requests a second that were due in the last interval. Quantiles are None without answers.
    """

    sent: int
    answered: int
    failed: int
    in_flight: int
    rate: float
    p50_seconds: float | None
    p99_seconds: float | None


class Measurements:
    """What came back. Times are those of the event loop's clock."""

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._recent: deque[tuple[float, float]] = deque()
        self._sent = 0
        self._answered = 0
        self._failed = 0
        self._reported_sent = 0

    def note_due(self) -> None:
        self._sent += 1

    def note_end(self, status: int, due_seconds: float, now_seconds: float) -> None:
        """An answer, or status 0 for none; the time of both counts."""
        if status == OK:
            self._answered += 1
        else:
            self._failed += 1
        self._recent.append((now_seconds, now_seconds - due_seconds))

    def report(self, now_seconds: float) -> LoadReport:
        """To be called once every interval."""
        while self._recent and self._recent[0][0] < now_seconds - self._settings.window_seconds:
            self._recent.popleft()
        times = sorted(seconds for _, seconds in self._recent)
        sent, self._reported_sent = self._sent - self._reported_sent, self._sent
        return LoadReport(
            sent=self._sent,
            answered=self._answered,
            failed=self._failed,
            in_flight=self._sent - self._answered - self._failed,
            rate=sent / self._settings.report_interval_seconds,
            p50_seconds=quantile(times, 0.5),
            p99_seconds=quantile(times, 0.99),
        )


def quantile(ascending: list[float], ratio: float) -> float | None:
    """The smallest value that `ratio` of all are not above; None of none."""
    if not ascending:
        return None
    return ascending[max(0, -int(-ratio * len(ascending) // 1) - 1)]


class Arrivals:
    """When buyers are due: gaps are exponential, so that their number in any second is Poisson distributed."""

    def __init__(self, exponential: Callable[[float], float]) -> None:
        """`exponential` draws a gap in seconds for a rate in requests a second."""
        self._exponential = exponential
        self._rate = 0.0
        self._next_seconds = 0.0

    def set_rate(self, rate: float, now_seconds: float) -> None:
        """Requests a second from now on; 0 for none."""
        self._rate = rate
        if rate > 0:
            self._next_seconds = now_seconds + self._exponential(rate)

    def due(self, now_seconds: float) -> list[float]:
        """The moments that have come since the last call."""
        moments: list[float] = []
        while self._rate > 0 and self._next_seconds <= now_seconds:
            moments.append(self._next_seconds)
            self._next_seconds += self._exponential(self._rate)
        return moments


class LoadGenerator:
    """Sends GET requests for one URL."""

    def __init__(self, url: str, settings: LoadSettings, arrivals: Arrivals) -> None:
        parts = urlsplit(url)
        self._settings = settings
        self._arrivals = arrivals
        self._measurements = Measurements(settings)
        self._pool = ConnectionPool(parts.hostname or "", parts.port or 80, settings.connections_max)
        self._request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()

    def set_rate(self, rate: float) -> None:
        self._arrivals.set_rate(rate, asyncio.get_running_loop().time())

    async def run(self, publish: Callable[[LoadReport], None]) -> None:
        """Sends until cancelled, and publishes a report every interval."""
        loop = asyncio.get_running_loop()
        report_at_seconds = loop.time() + self._settings.report_interval_seconds
        try:
            while True:
                now_seconds = loop.time()
                for due_seconds in self._arrivals.due(now_seconds):
                    self._send(due_seconds)
                if now_seconds >= report_at_seconds:
                    report_at_seconds += self._settings.report_interval_seconds
                    self._pool.give_up(self._settings.timeout_seconds)
                    publish(self._measurements.report(now_seconds))
                await asyncio.sleep(self._settings.tick_seconds)
        finally:
            await self._pool.close()

    def _send(self, due_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._measurements.note_due()
        self._pool.send(self._request, lambda status: self._measurements.note_end(status, due_seconds, loop.time()))


def allow_open_files(count: int) -> None:
    """Raises the limit of this process as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


async def follow_input(generator: LoadGenerator) -> None:
    """Takes rates from standard input until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        generator.set_rate(float(line))


async def run(url: str, settings: LoadSettings) -> None:
    """Ends with its input."""
    generator = LoadGenerator(url, settings, Arrivals(random.expovariate))
    task = asyncio.create_task(generator.run(lambda report: print(json.dumps(asdict(report)), flush=True)))  # noqa: T201
    following = asyncio.create_task(follow_input(generator))
    done, _ = await asyncio.wait({task, following}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, following, return_exceptions=True)
    for ended in done:
        ended.result()


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends GET requests at the rates that its input says.")
    parser.add_argument("--url", required=True)
    url = parser.parse_args().url
    settings = LoadSettings()
    allow_open_files(settings.connections_max + 100)
    uvloop.run(run(url, settings))


if __name__ == "__main__":
    main()
