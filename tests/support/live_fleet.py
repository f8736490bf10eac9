"""The fleet's own program, run as a user runs it, and what it has started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from raw_http import Exposition, RawConnection, scrape

from deploy.fleet.servers import SERVERS, Server
from deploy.fleet.state import Files, RunningServer, read_running

ROOT = Path(__file__).parent.parent.parent
BUILD_TIMEOUT_SECONDS = 1800

# What each framework's users call the requests' metrics: name, and the labels of method, route and status.
CANONICAL = ("http_request_method", "http_route", "http_response_status_code")
NAMES = {
    "tokio": ("http_request_duration_seconds", ("method", "route", "status")),
    "hyperlane": ("http_request_duration_seconds", ("method", "route", "status")),
    "rocket": ("rocket_http_requests_duration_seconds", ("method", "endpoint", "status")),
    "rust-std": ("http_request_duration_seconds", ("method", "route", "status")),
    "gin": ("http_request_duration_seconds", ("method", "route", "code")),
    "go-std": ("http_request_duration_seconds", ("method", "route", "code")),
    "node-std": ("http_server_request_duration_seconds", CANONICAL),
}
PRODUCT_ROUTES = {"gin": "/product/:id", "rocket": "/product/<id>"}


def run_fleet(verb: str, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.fleet.main", verb, "--folder", str(folder), *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class LiveServer:
    """One server that runs."""

    server: Server
    running: RunningServer
    log: Path

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def port(self) -> int:
        return self.running.place.port

    @property
    def product_route(self) -> str:
        return PRODUCT_ROUTES.get(self.name, "/product/{id}")

    def connect(self) -> RawConnection:
        return RawConnection(self.port)

    def scrape(self) -> Exposition:
        return scrape(self.running.place.metrics_port)

    def requests(self, method: str, route: str, status: int) -> int:
        """How many it has counted so far, by its histogram."""
        name, labels = NAMES[self.name]
        wanted = dict(zip(labels, (method, route, str(status)), strict=True))
        return int(self.scrape().sum(f"{name}_count", **wanted))

    def value(self, name: str) -> float:
        return self.scrape().sum(name)


@dataclass(frozen=True, slots=True)
class LiveFleet:
    """`left_out` are the program's own words on what is missing, by server."""

    folder: Path
    servers: dict[str, LiveServer]
    left_out: dict[str, str]

    def server(self, name: str) -> LiveServer:
        """Skips the test where the toolchain is missing; fails it where CI is set."""
        if name in self.servers:
            return self.servers[name]
        assert name in self.left_out, f"BUG: {name} neither runs nor is it left out"
        if os.environ.get("CI"):
            pytest.fail(self.left_out[name])
        pytest.skip(self.left_out[name])


def start_fleet(folder: Path, **environment: str) -> LiveFleet:
    """Builds what is not built yet, which takes minutes the first time on a machine.

    `environment` is the servers'; what builds them is spared it, since Go's compiler would obey GODEBUG, too.
    """
    built = run_fleet("build", folder)
    assert built.returncode == 0, built.stderr
    started = run_fleet("start", folder, "--first-port", "0", **environment)
    assert started.returncode == 0, started.stderr
    files = Files(folder, folder)
    by_name = {server.name: server for server in SERVERS}
    servers = {
        running.name: LiveServer(by_name[running.name], running, files.log(running.name))
        for running in read_running(files)
    }
    return LiveFleet(folder, servers, left_out_in(started.stderr))


def left_out_in(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for names, reason in re.findall(r"^left out: ([a-z, -]+): (.*)$", text, re.MULTILINE):
        found.update(dict.fromkeys(names.split(", "), reason))
    return found


def targets_in(folder: Path) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = json.loads((folder / "targets.json").read_text())
    return groups
