"""`plimsoll serve` as a child process on a loopback port of its own choice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api_server import ApiClient

_ADDRESS = re.compile(r"plimsoll is ready at (http://\S+)")
READY_SECONDS = 60
STOP_SECONDS = 30


def console_script() -> str:
    """The program that stands beside the interpreter of the tests."""
    return str(Path(sys.executable).with_name("plimsoll"))


class ServiceProcess:
    """One data directory and the process that serves it. It may be ended and started again; its log goes on."""

    def __init__(self, directory: Path, config: str, data: Path | None = None) -> None:
        self.config_file = directory / "prometheus.yml"
        self.config_file.write_text(config)
        self.data = data or directory / "data"
        self.log_file = directory / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: ApiClient | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "BUG: got no process, want one that was started"
        return self._process.pid

    @property
    def client(self) -> ApiClient:
        assert self._client is not None, "BUG: got no address, want a process that was started"
        return self._client

    def log(self) -> str:
        return self.log_file.read_text()

    def start(self) -> float:
        """Starts the program; returns after how many seconds it said that it is ready."""
        started, offset = time.monotonic(), self.log_file.stat().st_size if self.log_file.exists() else 0
        arguments = ["serve", "--config", self.config_file, "--data", self.data, "--listen", "127.0.0.1:0"]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen([console_script(), *map(str, arguments)], stdout=log, stderr=log)
        self._client = ApiClient(self._wait_for_address(offset))
        wait_until(lambda: self.client.request("GET", "/-/ready").status == 200, READY_SECONDS)
        return time.monotonic() - started

    def _wait_for_address(self, offset: int) -> str:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            log = self.log_file.read_bytes()[offset:].decode(errors="replace")
            if address := _ADDRESS.search(log):
                return address[1]
            assert self._process is not None, "BUG: got no process"
            assert self._process.poll() is None, f"the service ended with {self._process.returncode}:\n{log}"
            time.sleep(0.005)
        raise AssertionError(f"the service is not ready after {READY_SECONDS} s:\n{log}")

    def kill(self) -> None:
        """SIGKILL."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "BUG: got no process"
        self._process.send_signal(number)

    def wait(self) -> int:
        assert self._process is not None, "BUG: got no process"
        return self._process.wait(STOP_SECONDS)

    def end(self) -> None:
        """However the process is, it is gone afterwards."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def resident_bytes(self) -> int:
        return _status_bytes(self.pid, "VmRSS")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_resident_bytes(self) -> int:
        return _status_bytes(self.pid, "VmHWM")

    def metric(self, name: str) -> float:
        """A metric without labels of the service's own /metrics."""
        text = self.client.request("GET", "/metrics").body.decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

    def value(self, expression: str) -> float | None:
        """An instant query now whose answer has at most one series."""
        result = self.client.get("query", query=expression).data["result"]
        return float(result[0]["value"][1]) if result else None

    def targets(self) -> dict[str, Any]:
        """The active targets by job, for jobs of one target."""
        active = self.client.get("targets").data["activeTargets"]
        return {target["labels"]["job"]: target for target in active}


@contextmanager
def running_service(directory: Path, config: str, data: Path | None = None) -> Iterator[ServiceProcess]:
    """Started, and ended by the end of the block however it is then."""
    service = ServiceProcess(directory, config, data)
    try:
        service.start()
        yield service
    finally:
        service.end()


def run_plimsoll(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The program with other verbs, or a service that is expected to end by itself."""
    command: Sequence[str] = [console_script(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS, check=False)


def wait_until(is_so: Callable[[], bool], seconds: float = 20, every_seconds: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(every_seconds)


def _status_bytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
