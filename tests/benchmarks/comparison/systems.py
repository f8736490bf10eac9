"""The systems that are compared: how each is started, asked, compacted and ended."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from comparison.process_usage import Usage, folder_bytes, usage_of
from peers import installed_peer

READY_SECONDS = 300
STOP_SECONDS = 120
ANSWER_SECONDS = 120
POLL_SECONDS = 0.01
IDLE_SECONDS_MAX = 2
"""A server may close a connection on which nothing comes for longer."""
NO_TARGETS = "global: {scrape_interval: 15s}\n"
_WRITE_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


@dataclass(frozen=True, slots=True)
class Sealed:
    """What lies on the disk in its final form, and how many samples that is; None: all that were given to it."""

    bytes: int
    samples: int | None


class System:
    """One server with an empty directory of its own on a free loopback port. It may be ended and started again."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, program: str, directory: Path, config: str = NO_TARGETS) -> None:
        self.program = program
        self.data = directory / "data"
        self.data.mkdir(parents=True)
        self.config_file = directory / "prometheus.yml"
        self.config_file.write_text(config)
        self.log_file = directory / "log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    # What the systems differ in.

    def command(self) -> list[str]:
        raise NotImplementedError

    def begin_compaction(self) -> None:
        """Asks for what the system would otherwise do later."""

    def sealed(self) -> Sealed:
        return Sealed(folder_bytes(self.data), None)

    # Life.

    def start(self, is_ready: Callable[[System], bool] | None = None) -> float:
        """Returns after how many seconds it was ready, by default to answer queries."""
        self.port, is_ready = _free_port(), is_ready or _answers
        started = time.monotonic()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.data.parent)
        while not _is_true(is_ready, self):
            if self._process.poll() is not None or time.monotonic() > started + READY_SECONDS:
                end = self.log_file.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.title} did not become ready within {READY_SECONDS} s:\n{end}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Nothing of it runs afterwards."""
        self._disconnect()
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def usage(self) -> Usage:
        assert self._process is not None, "BUG: got no process, want one that was started"
        return usage_of(self._process.pid)

    # Questions.

    def ask(self, path: str, **parameters: str) -> bytes:
        return self._request("GET", f"{path}?{urlencode(parameters)}" if parameters else path)

    def instant(self, expression: str, at: float | None = None) -> list[Any]:
        """The series of an answer."""
        times = {} if at is None else {"time": f"{at:.3f}"}
        result: list[Any] = json.loads(self.ask("/api/v1/query", query=expression, **times))["data"]["result"]
        return result

    def number(self, expression: str, at: float | None = None) -> float:
        """Of an answer with one series; 0 if there is none."""
        result = self.instant(expression, at)
        return float(result[0]["value"][1]) if result else 0.0

    def write(self, body: bytes) -> None:
        self._request("POST", "/api/v1/write", body)

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Over one connection that stays open, as dashboards and senders do."""
        connection = self._connected()
        try:
            connection.request(method, path, body, _WRITE_HEADERS if body else {})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self._disconnect()
            raise
        self._used_at = time.monotonic()
        if response.status >= 300:
            raise RuntimeError(f"{self.title} says {response.status} to {path}: {answer[:300].decode()}")
        return answer

    def _connected(self) -> http.client.HTTPConnection:
        if time.monotonic() > self._used_at + IDLE_SECONDS_MAX:
            self._disconnect()
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Plimsoll(System):
    name = "plimsoll"
    title = "Plimsoll"

    def command(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        files = ["--config", str(self.config_file), "--data", str(self.data)]
        return [self.program, "serve", *files, "--listen", address, "--log-level", "warning"]

    def sealed(self) -> Sealed:
        listed = subprocess.run(
            [self.program, "storage", "list", "--json", self.data], capture_output=True, check=True, timeout=60
        )
        blocks = json.loads(listed.stdout)["blocks"]
        return Sealed(sum(block["bytes"] for block in blocks), sum(block["samples"] for block in blocks))


class Prometheus(System):
    name = "prometheus"
    title = "Prometheus"

    def command(self) -> list[str]:
        return [
            self.program,
            f"--config.file={self.config_file}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver",
            "--storage.tsdb.retention.time=15d",
            "--log.level=warn",
        ]

    def sealed(self) -> Sealed:
        """The last hours stay in its head and its log, whatever one does."""
        metas = list(self.data.glob("*/meta.json"))
        samples = sum(json.loads(meta.read_text())["stats"]["numSamples"] for meta in metas)
        return Sealed(sum(folder_bytes(meta.parent) for meta in metas), samples)


class VictoriaMetrics(System):
    name = "victoriametrics"
    title = "VictoriaMetrics"

    def command(self) -> list[str]:
        # Without its cache of answers: the same question again must be worked out again, as in the others.
        return [
            self.program,
            f"-storageDataPath={self.data}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-promscrape.config={self.config_file}",
            "-retentionPeriod=15d",
            "-search.disableCache",
            "-search.latencyOffset=0s",
            "-loggerLevel=WARN",
        ]

    def begin_compaction(self) -> None:
        self.ask("/internal/force_flush")
        self.ask("/internal/force_merge")


PEERS: tuple[tuple[type[System], str], ...] = ((Prometheus, "PROMETHEUS"), (VictoriaMetrics, "VICTORIAMETRICS"))
HOW_TO_INSTALL = "source <(.ci/fetch-peers build/peers)"


@dataclass(frozen=True, slots=True)
class Installed:
    """A system that this machine has."""

    kind: type[System]
    program: str

    @property
    def version(self) -> str:
        said = subprocess.run(
            [self.program, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
        return version_in(said) or _packaged_version(Path(self.program)) or "of unknown version"


def installed_systems() -> tuple[list[Installed], list[type[System]]]:
    """Plimsoll of this environment and the peers that were found; then those that were not."""
    programs = [(kind, installed_peer(variable)) for kind, variable in PEERS]
    ours = Installed(Plimsoll, str(Path(sys.executable).with_name("plimsoll")))
    found = [Installed(kind, str(Path(program).resolve())) for kind, program in programs if program]
    return [ours, *found], [kind for kind, program in programs if not program]


@contextmanager
def started(systems: Sequence[Installed], directory: Path, config: str = NO_TARGETS) -> Iterator[list[System]]:
    """All of them at once, each in a folder of its own; ended by the end of the block however it is then."""
    with ExitStack() as stack:
        servers = []
        for installed in systems:
            server = installed.kind(installed.program, directory / installed.kind.name, config)
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        yield servers


def version_in(text: str) -> str | None:
    found = re.search(r"\d+\.\d+\.\d+\S*|\d+\.\d+\S*", text)
    return found[0].rstrip(",)") if found else None


def _packaged_version(program: Path) -> str | None:
    """What Debian's changelog beside the program says: its build of VictoriaMetrics does not know its version."""
    documents = program.parents[1] / "share" / "doc" / program.name / "changelog.Debian.gz"
    if not documents.exists():
        return None
    with gzip.open(documents, "rt", errors="replace") as changelog:
        return version_in(changelog.readline())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _answers(system: System) -> bool:
    return bool(system.instant("vector(1)"))


def _is_true(question: Callable[[System], bool], system: System) -> bool:
    try:
        return question(system)
    except (OSError, http.client.HTTPException, RuntimeError):  # it does not listen yet, or says 503
        return False


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return {
        "processor": model[1] if model else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory[1]) // 1024 if memory else 0,
    }
