"""Small Python servers as child processes on free loopback ports, ended by the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from exporters.procfs.processes import Procfs

# Listens as told, forks as many workers, prints the port, and waits until its input ends.
_SERVER = """
import os, socket, sys
host, port, workers, reuse_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "reuse"
server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
if reuse_port:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind((host, port))
server.listen()
for _ in range(workers):
    if os.fork() == 0:
        break
else:
    print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class ChildServer:
    pid: int
    port: int


@contextlib.contextmanager
def child_server(
    host: str = "127.0.0.1", port: int = 0, *, workers: int = 0, reuse_port: bool = False
) -> Iterator[ChildServer]:
    """A listening process with `workers` forked children that share its socket. It sleeps: its figures stand still."""
    arguments = [sys.executable, "-c", _SERVER, host, str(port), str(workers), "reuse" if reuse_port else "own"]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            server = ChildServer(process.pid, int(process.stdout.readline()))
            _wait_until_asleep(server.pid)
            yield server
        finally:
            # The session was made for this server, so the group holds it and its workers only.
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_asleep(pid: int) -> None:
    """After it has printed its port, waiting for its input is the only sleep of the server."""
    deadline = time.monotonic() + 10
    while (stat := Procfs().stat(pid)) is None or stat.state != "S":
        assert time.monotonic() < deadline, "the server does not come to rest"
        time.sleep(0.001)
