"""From unknown ports to watched servers: a Go, a Node and a Python server that this service has never heard of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from node_program import node_server
from service_process import run_plimsoll, running_service, wait_until
from toolchains import need_program

REQUESTS = 5
GO = """
package main

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
)

func main() {
	var count atomic.Int64
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { count.Add(1) })
	http.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		const labels = `code="200",method="get",handler="/"`
		fmt.Fprintf(w, "# TYPE http_request_duration_seconds histogram\\n")
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{%s,le=\\"+Inf\\"} %d\\n", labels, count.Load())
		fmt.Fprintf(w, "http_request_duration_seconds_sum{%s} 0.5\\n", labels)
		fmt.Fprintf(w, "http_request_duration_seconds_count{%s} %d\\n", labels, count.Load())
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
"""
PYTHON = """
import asyncio, socket, uvicorn
from prometheus_client import CollectorRegistry
from exporters.asgi import MetricsMiddleware

async def shop(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = MetricsMiddleware(shop, registry=CollectorRegistry(), metrics_path="/metrics")
server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
asyncio.run(server.serve(sockets=[listener]))
"""


@contextmanager
def printing_its_port(*command: str, **environment: str) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def build_go(folder: Path) -> str:
    go = need_program("go")
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module shop\n\ngo 1.22\n")
    subprocess.run([go, "build", "-o", "goshop", "."], cwd=folder, check=True, env={**os.environ, "GOFLAGS": ""})
    return str(folder / "goshop")


def answer_some(port: int) -> None:
    for _ in range(REQUESTS):
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            answer.read()


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[dict[str, tuple[int, int]]]:
    """By runtime, the port of the server and that of its metrics."""
    script = tmp_path / "pyshop.py"
    script.write_text(PYTHON)
    root = str(Path(__file__).parents[2])
    with ExitStack() as stack:
        go = stack.enter_context(printing_its_port(build_go(tmp_path)))
        python = stack.enter_context(printing_its_port(sys.executable, str(script), PYTHONPATH=root))
        node = stack.enter_context(node_server(tmp_path))
        wait_until(lambda: bool(node.metrics_ports), 20)
        yield {"go": (go, go), "cpython": (python, python), "node": (node.port, node.metrics_ports[0])}


def test_unknown_ports_become_watched_servers_within_a_minute(
    ports: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    started = time.monotonic()
    wait_until(lambda: not any(map(_refuses, ports.values())))
    for port, _ in ports.values():
        answer_some(port)
    file = tmp_path / "found.yml"
    addresses = [f"127.0.0.1:{port}" for pair in ports.values() for port in dict.fromkeys(pair)]
    result = run_plimsoll("discover", *addresses, "--interval", "200ms", "--write", file, "--json")
    assert result.returncode == 0, result.stderr
    found = {each["address"]: each for each in json.loads(result.stdout)["findings"]}
    assert {runtime: found[f"127.0.0.1:{port}"]["runtime"] for runtime, (port, _) in ports.items()} == {
        runtime: runtime for runtime in ports
    }
    assert found[f"127.0.0.1:{ports['go'][0]}"]["framework"] == "std"
    checked = run_plimsoll("check", "config", file)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert run_plimsoll("check", "rules", *json.loads(result.stdout)["rules"]).returncode == 0
    with running_service(tmp_path, file.read_text()) as service:
        counts = "http_server_request_duration_seconds_count"
        # The GETs of discover are requests as well.
        wait_until(lambda: service.value(f"count(sum by (job) ({counts}) >= {REQUESTS})") == len(ports))
        canonical = f"sum({counts}{{runtime='go',framework='std'}})"
        assert service.value(f"{canonical} == sum(http_request_duration_seconds_count)") is not None
    assert time.monotonic() - started < 60


def _refuses(pair: tuple[int, int]) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{pair[1]}/metrics", timeout=5):
            return False
    except OSError:
        return True


def test_a_file_that_is_there_is_not_written_over(ports: dict[str, tuple[int, int]], tmp_path: Path) -> None:
    file = tmp_path / "found.yml"
    file.write_text("mine")
    result = run_plimsoll("discover", f":{ports['cpython'][0]}", "--write", file)
    assert (result.returncode, file.read_text()) == (1, "mine")
    assert result.stderr == f"plimsoll: {file}: is there already, want a new file\n"
