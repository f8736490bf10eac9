"""A real Prometheus on a loopback port of its own choice, as an oracle for the parser."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from peers import find_peer

_ADDRESS = re.compile(r'"Listening on".* address=127\.0\.0\.1:(\d+)')
_READY = "Server is ready to receive web requests"
_PARAMETER = 'invalid parameter "query": '


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Prometheus says to an expression: an error, or how it prints and its tree."""

    error: str | None
    pretty: str = ""
    tree: Any = None


class PrometheusProcess:
    """Answers about expressions."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def _get(self, path: str, **parameters: str) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST" if parameters else "GET", f"/api/v1/{path}", urlencode(parameters), headers)
        return orjson.loads(self._connection.getresponse().read())

    def version(self) -> tuple[int, int]:
        major, minor, *_ = self._get("status/buildinfo")["data"]["version"].split(".")
        return int(major), int(minor)

    def verdict(self, expression: str) -> Verdict:
        printed = self._get("format_query", query=expression)
        if printed["status"] == "error":
            return Verdict(printed["error"].removeprefix(_PARAMETER))
        return Verdict(None, printed["data"], self._get("parse_query", query=expression)["data"])

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running_prometheus(directory: Path, *flags: str, config: str = "global: {}\n") -> Iterator[PrometheusProcess]:
    """Starts Prometheus with its data under `directory` and ends it afterwards."""
    config_file = directory / "prometheus.yml"
    config_file.write_text(config)
    command = [
        find_peer("PROMETHEUS"),
        f"--config.file={config_file}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        # A connection may wait for as long as a busy machine takes to work out our own answers.
        "--web.read-timeout=1h",
        *flags,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            peer = PrometheusProcess(_wait_for_port(process))
            yield peer
            peer.close()
        finally:
            process.terminate()
            process.communicate()


def _wait_for_port(process: subprocess.Popen[str]) -> int:
    """The port that the log names, once it also says that requests are answered; the order of the two varies."""
    assert process.stderr is not None, "BUG: got no pipe for the log"
    log = ""
    for line in process.stderr:
        log += line
        address = _ADDRESS.search(log)
        if address is not None and _READY in log:
            return int(address[1])
    raise AssertionError(f"Prometheus ended before it was ready:\n{log}")
