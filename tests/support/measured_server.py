"""A server that counts what it does under the canonical names: `python measured_server.py`, which prints its port.

    /metrics     what it has counted, requests for this excepted
    /fail        404 for each third request, else 200
    /late        200, after 2.2 s: later than wrk waits
    else         200 and 500 bytes

HTTP/1.0 and 1.1, kept connections and short ones.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

BODY = b"x" * 500
BOUNDS = (0.0001, 0.001, 0.01, 0.1, 1.0, float("inf"))
LATE_SECONDS = 2.2


@dataclass(slots=True)
class Counts:
    """All since the start."""

    accepted: int = 0
    sent_bytes: int = 0
    failing: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    buckets: Counter[float] = field(default_factory=Counter)
    seconds: float = 0.0


def exposition(counts: Counts) -> bytes:
    name = "http_server_request_duration_seconds"
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    lines = [f"# TYPE {name} histogram"]
    for status, count in counts.statuses.items():
        labels = f'http_response_status_code="{status}"'
        share = count / sum(counts.statuses.values())
        for bound in BOUNDS:
            below = sum(number for each, number in counts.buckets.items() if each <= bound)
            lines.append(f'{name}_bucket{{{labels},le="{bound:g}"}} {below * share}'.replace('"inf"', '"+Inf"'))
        lines += [f"{name}_sum{{{labels}}} {counts.seconds * share}", f"{name}_count{{{labels}}} {count}"]
    lines += [
        f"http_server_sent_bytes_total {counts.sent_bytes}",
        f"server_connections_accepted_total {counts.accepted}",
        f"process_cpu_seconds_total {(int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')}",
        f"process_resident_memory_bytes {int(fields[21]) * os.sysconf('SC_PAGE_SIZE')}",
    ]
    return "\n".join(lines).encode() + b"\n"


def answer(path: bytes, counts: Counts) -> tuple[int, bytes]:
    if path == b"/metrics":
        return 200, exposition(counts)
    if path.startswith(b"/fail"):
        counts.failing += 1
        return (404, b"no such thing") if counts.failing % 3 == 0 else (200, BODY)
    return 200, BODY


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: Counts) -> None:
    counts.accepted += 1
    try:
        while await serve_one(reader, writer, counts):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: Counts) -> bool:
    """Whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    started = time.perf_counter()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
    if length:
        await reader.readexactly(int(length))
    path, version = head.split(b" ", 2)[1:]
    is_kept = b"connection: close" not in head and (
        version.startswith(b"http/1.1") or b"connection: keep-alive" in head
    )
    if path == b"/late":
        await asyncio.sleep(LATE_SECONDS)
    status, body = answer(path, counts)
    kept = b"keep-alive" if is_kept else b"close"
    text = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s" % (status, len(body), kept, body)
    writer.write(text)
    if path != b"/metrics":
        elapsed = time.perf_counter() - started
        counts.statuses[status] += 1
        counts.seconds += elapsed
        counts.buckets[next(bound for bound in BOUNDS if elapsed <= bound)] += 1
        counts.sent_bytes += len(text)
    await writer.drain()
    return is_kept


async def main() -> None:
    counts = Counts()
    server = await asyncio.start_server(lambda reader, writer: serve(reader, writer, counts), "127.0.0.1", 0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
