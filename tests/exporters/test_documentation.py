"""Runs the examples of docs/exporters.md, with free ports in place of the ones printed there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

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


def test_every_exported_metric_is_documented() -> None:
    sources = "".join(path.read_text() for path in (REPOSITORY / "exporters").glob("*.py"))
    names = set(re.findall(r'"((?:process|plimsoll|http_server|runtime)_\w+)"', sources))

    assert len(names) > 20
    assert {name for name in names if name not in DOCUMENT} == set()
