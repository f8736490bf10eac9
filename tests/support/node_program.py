"""Node programs with our preload, as child processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eventually import eventually
from raw_http import Exposition, scrape
from toolchains import need_program

PRELOAD = Path(__file__).parent.parent.parent / "exporters" / "node_preload" / "preload.cjs"

# Says where it listens; what a test is about is put in for HANDLER.
SERVER = """
const server = require("node:http").createServer((request, response) => { HANDLER });
process.on("SIGTERM", () => { server.close(); server.closeAllConnections(); });
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
"""
OK = 'response.end("ok")'


@dataclass(frozen=True, slots=True)
class NodeProgram:
    """A program that runs; what it writes goes to files."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    @property
    def port(self) -> int:
        """Of its server, once it has said so."""
        eventually(lambda: "port " in self.output.read_text(), True)
        return int(self.output.read_text().partition("port ")[2].split()[0])

    @property
    def metrics_ports(self) -> list[int]:
        return [
            int(port) for port in re.findall(r"metrics of process \d+ at http://\S+:(\d+)/", self.errors.read_text())
        ]

    def scrape(self) -> Exposition:
        eventually(lambda: len(self.metrics_ports), 1)
        return scrape(self.metrics_ports[0])

    def stop(self) -> int:
        """Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@contextlib.contextmanager
def node_program(folder: Path, source: str, *options: str, **environment: str) -> Iterator[NodeProgram]:
    """Runs CommonJS `source` with the preload, with metrics on a free port unless `environment` says another."""
    node = need_program("node")
    script = folder / "program.cjs"
    script.write_text(source)
    variables = {**os.environ, "NODE_OPTIONS": f'--require "{PRELOAD}"', "PLIMSOLL_METRICS_PORT": "0", **environment}
    output, errors = folder / "output", folder / "errors"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen([node, *options, str(script)], env=variables, stdout=stdout, stderr=stderr)
    try:
        yield NodeProgram(process, output, errors)
    finally:
        process.kill()
        process.wait(10)


def node_server(
    folder: Path, handler: str = OK, *options: str, **environment: str
) -> contextlib.AbstractContextManager[NodeProgram]:
    """An HTTP server that runs `handler` for each request."""
    return node_program(folder, SERVER.replace("HANDLER", handler), *options, **environment)
