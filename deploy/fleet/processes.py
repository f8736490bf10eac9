"""Starting the servers and ending exactly those that were started."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from alerts.autoscale.processes.spawn import identify, is_alive, signal_process
from deploy.fleet.errors import FleetError
from deploy.fleet.servers import Place, Server, environment
from deploy.fleet.state import Files, RunningServer

READY_TIMEOUT_SECONDS = 20
STOP_TIMEOUT_SECONDS = 15  # each server gives its open requests 5 s
POLL_SECONDS = 0.05
LOG_BYTES_SHOWN = 2000


def metrics_url(place: Place) -> str:
    return f"http://127.0.0.1:{place.metrics_port}/metrics"


def why_port_is_taken(port: int) -> str:
    """Empty if a server could listen on it."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError as error:
            return f"port {port}: {error.strerror}: choose others with FIRST_PORT"
    return ""


def start(server: Server, place: Place, files: Files) -> RunningServer:
    """Starts a server; it may not be ready yet. Raises FleetError if its port is taken or it cannot be run."""
    for port in {place.port, place.metrics_port}:
        if problem := why_port_is_taken(port):
            raise FleetError(f"{server.name}: {problem}")
    with files.log(server.name).open("wb") as log:
        try:
            child = subprocess.Popen(
                server.command(files.cache),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(server, place),
                start_new_session=True,
            )
        except OSError as error:
            raise FleetError(f"{server.name}: {error}") from error
    process = identify(child.pid)
    if process is None:
        raise FleetError(f"{server.name}: it ended at once\n{end_of_log(server.name, files)}")
    return RunningServer(server.name, process, place)


def wait_until_ready(running: RunningServer, files: Files) -> None:
    """Returns once its metrics can be read. Raises FleetError with the end of its log if it ends or takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not has_metrics(running.place):
        if not is_alive(running.process):
            raise FleetError(f"{running.name}: it ended\n{end_of_log(running.name, files)}")
        if time.monotonic() > deadline:
            raise FleetError(f"{running.name}: not ready after {READY_TIMEOUT_SECONDS} s")
        time.sleep(POLL_SECONDS)


def has_metrics(place: Place) -> bool:
    try:
        with urllib.request.urlopen(metrics_url(place), timeout=1) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def end_of_log(name: str, files: Files) -> str:
    return files.log(name).read_bytes()[-LOG_BYTES_SHOWN:].decode(errors="replace")


def stop(servers: list[RunningServer]) -> list[RunningServer]:
    """Ends these processes and no others: asks first, kills what is left after a while. Returns who was killed."""
    for server in servers:
        signal_process(server.process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    left = servers
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [server for server in left if is_alive(server.process)]
    return [server for server in left if signal_process(server.process, signal.SIGKILL)]
