"""Runs the examples of docs/exporters.md, with free ports in place of the ones printed there."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from page_server import page_server

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = (REPOSITORY / "docs" / "exporters.md").read_text()
PLIMSOLL = [sys.executable, "-c", "from monitor.cli.main import main; main()"]


def example(section: str, language: str) -> str:
    """The first block of `language` in a section."""
    text = DOCUMENT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def documented_output(section: str) -> list[str]:
    return [line for line in example(section, "console").splitlines() if not line.startswith("$")]


def documented_command(section: str, program: str, **replaced: str) -> list[str]:
    """The arguments of the first line of a section's example that starts `program`."""
    [line, *_] = [line for line in example(section, "console").splitlines() if line.startswith(f"$ {program} ")]
    for old, new in replaced.items():
        line = line.replace(old.removeprefix("_"), new)
    return shlex.split(line)[2:] if not line.endswith("&") else shlex.split(line)[2:-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*command: str, directory: Path = REPOSITORY) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def fetch(url: str) -> str:
    """What the URL answers, once something listens there."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return str(response.read().decode())
        except urllib.error.URLError:
            assert time.monotonic() < deadline, f"nothing answers at {url}"
            time.sleep(0.02)


def save(section: str, path: Path, **replaced: str) -> None:
    text = example(section, "python")
    for old, new in replaced.items():
        text = text.replace(old.removeprefix("_"), new)
    path.write_text(text)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_process_example_shows_the_memory_of_the_server() -> None:
    commands = example("process", "console").splitlines()
    assert commands[0].startswith("$ python -m http.server 8000") and "--port 8000 --listen" in commands[1]
    port = str(free_port())
    with running(sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1") as server:
        fetch(f"http://127.0.0.1:{port}")
        with running(*PLIMSOLL, "exporter", "process", "--port", port, "--listen", "127.0.0.1:0") as exporter:
            text = fetch(first_line(exporter).removeprefix("serving "))

    documented = documented_output("process")[1].replace("4711", str(server.pid)).replace("8000", port)
    name_and_labels = documented.split(",process=")[0]
    assert name_and_labels in text


def test_the_connections_example_shows_the_limit_of_the_accept_queue() -> None:
    commands = example("connections", "console").splitlines()
    assert commands[0].startswith("$ python -m http.server 8000") and "--port 8000 --listen" in commands[1]
    port = str(free_port())
    with running(sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"):
        fetch(f"http://127.0.0.1:{port}")
        with running(*PLIMSOLL, "exporter", "connections", "--port", port, "--listen", "127.0.0.1:0") as exporter:
            text = fetch(first_line(exporter).removeprefix("serving "))

    assert documented_output("connections")[1].replace("8000", port) in text.splitlines()


def test_the_probe_example_probes_by_http_and_by_tcp() -> None:
    commands = example("probe", "console").splitlines()
    assert "--http http://127.0.0.1:8000/ --listen" in commands[1]
    port = str(free_port())
    target = f"http://127.0.0.1:{port}/"
    with running(sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"):
        fetch(target)
        with running(*PLIMSOLL, "exporter", "probe", "--http", target, "--listen", "127.0.0.1:0") as exporter:
            url = first_line(exporter).removeprefix("serving ")
            answers = (
                fetch(url),
                fetch(f"{url.removesuffix('/metrics')}/probe?target=127.0.0.1:{port}&module=tcp_connect"),
            )

    documented = documented_output("probe")
    assert "/probe?target=127.0.0.1:8000&module=tcp_connect" in commands[5]
    assert documented[1].replace("8000", port) in answers[0].splitlines()
    assert documented[2] in answers[1].splitlines()


def test_the_host_example_reads_this_host() -> None:
    assert "plimsoll exporter host --listen" in example("host", "console")
    with running(*PLIMSOLL, "exporter", "host", "--listen", "127.0.0.1:0") as exporter:
        text = fetch(first_line(exporter).removeprefix("serving "))

    assert documented_output("host")[1] in text.splitlines()


def test_the_asgi_example_counts_its_request(tmp_path: Path) -> None:
    save("asgi", tmp_path / "server.py")
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    with running(sys.executable, "-m", "uvicorn", "server:app", "--port", port, directory=tmp_path):
        answers = [fetch(f"{url}/items/7"), fetch(f"{url}/metrics")]

    assert answers[0] == documented_output("asgi")[0]
    assert documented_output("asgi")[1] in answers[1].splitlines()


def test_the_python_gc_example_counts_its_collection(tmp_path: Path) -> None:
    save("python_gc", tmp_path / "worker.py")
    with running(sys.executable, "worker.py", directory=tmp_path) as worker:
        text, _ = worker.communicate(timeout=20)

    assert documented_output("python_gc")[0] in text.splitlines()


def test_the_serve_example_serves_until_it_is_stopped(tmp_path: Path) -> None:
    save("serve", tmp_path / "tide.py", _9300="0")
    with running(sys.executable, "tide.py", directory=tmp_path) as tide:
        text = fetch(first_line(tide))
        tide.send_signal(signal.SIGTERM)

        assert tide.wait(10) == 0
    assert documented_output("serve")[1] in text.splitlines()


def test_the_gc_logs_example_counts_pauses(tmp_path: Path) -> None:
    recorded = REPOSITORY / "tests" / "exporters" / "gc_logs" / "recorded" / "go_1.26.log"
    (tmp_path / "gc.log").write_bytes(recorded.read_bytes())
    command = documented_command("gc_logs", "plimsoll", _9260="0")
    with running(*PLIMSOLL, *command, directory=tmp_path) as exporter:
        text = fetch(first_line(exporter).removeprefix("serving "))

    assert documented_output("gc_logs")[1] in text.splitlines()


def test_the_access_log_example_tells_the_latency(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(documented_output("access_log")[0] + "\n")
    command = documented_command("access_log", "plimsoll", _9261="0")
    with running(*PLIMSOLL, *command, directory=tmp_path) as exporter:
        text = fetch(first_line(exporter).removeprefix("serving "))

    assert documented_output("access_log")[2] in text.splitlines()


def test_the_expvar_example_counts_collections() -> None:
    page = (REPOSITORY / "tests" / "exporters" / "expvar" / "recorded" / "go_1.26.json").read_bytes()
    with page_server() as server:
        server.show(page)
        port = server.url.rpartition(":")[2]
        command = documented_command("expvar", "plimsoll", _8080=port, _9262="0")
        with running(*PLIMSOLL, *command) as exporter:
            text = fetch(first_line(exporter).removeprefix("serving "))

    assert documented_output("expvar")[1].replace("8080", port) in text.splitlines()


def test_the_load_test_example_writes_the_requests(tmp_path: Path) -> None:
    recorded = REPOSITORY / "tests" / "exporters" / "load_test" / "recorded" / "wrk_script.txt"
    (tmp_path / "sale-7.txt").write_bytes(recorded.read_bytes())
    with running(*PLIMSOLL, *documented_command("load_test", "plimsoll"), directory=tmp_path) as exporter:
        text, _ = exporter.communicate(timeout=20)

    assert documented_output("load_test")[0].rpartition(" ")[0] in text


def test_every_exported_metric_is_documented() -> None:
    sources = "".join(path.read_text() for path in (REPOSITORY / "exporters").rglob("*.py"))
    names = set(re.findall(r'"((?:process|plimsoll|http_server|runtime|server|tcp|ephemeral|probe)_\w+)"', sources))

    assert len(names) > 20
    assert {name for name in names if name not in DOCUMENT} == set()
