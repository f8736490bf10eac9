from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from child_server import child_server
from typer.testing import CliRunner

from monitor.cli.exporters.table import app

runner = CliRunner()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def exporter(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `plimsoll exporter` and the URL it announced."""
    command = [sys.executable, "-c", "from monitor.cli.exporters.table import app; app()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("serving ").strip()
        finally:
            process.kill()


def test_one_reading_is_printed_as_json() -> None:
    with child_server() as server:
        result = runner.invoke(app, ["process", "--port", str(server.port), "--json"])

    assert result.exit_code == 0
    by_name = {metric["name"]: metric["samples"] for metric in json.loads(result.stdout)["metrics"]}
    [sample] = by_name["process_resident_memory_bytes"]
    assert (sample["labels"]["pid"], sample["labels"]["port"]) == (str(server.pid), str(server.port))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "at least one --port, --pid, --name or --command-line"),
        (["--port", "0"], "Invalid value for '--port'"),
        (["--pid", "1", "--listen", "9256"], "want HOST:PORT"),
        (["--colour"], "No such option"),
    ],
)
def test_a_wrong_option_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["process", *arguments], env={"COLUMNS": "200"})

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_missing_process_at_start_is_an_error_that_names_it() -> None:
    port = free_port()

    result = runner.invoke(app, ["process", "--port", str(port), "--pid", str(os.getpid())])

    assert result.exit_code == 1
    assert result.stderr == f"plimsoll exporter: no process found for port={port}; --wait starts without it\n"


def test_with_wait_a_missing_process_is_no_error() -> None:
    result = runner.invoke(app, ["process", "--port", str(free_port()), "--wait", "--json"])

    assert result.exit_code == 0
    assert "process_threads" in result.stdout


def test_an_address_in_use_is_an_error_that_names_it() -> None:
    with child_server() as server:
        listen = f"127.0.0.1:{server.port}"
        result = runner.invoke(app, ["process", "--pid", str(os.getpid()), "--listen", listen])

    assert result.exit_code == 1
    assert f"cannot listen on {listen}: Address already in use" in result.stderr


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(stop_signal: signal.Signals) -> None:
    with exporter("process", "--pid", str(os.getpid()), "--listen", "127.0.0.1:0") as (process, url):
        with urllib.request.urlopen(url, timeout=10) as response:
            body = response.read().decode()
        process.send_signal(stop_signal)

        assert process.wait(10) == 0
    assert f'pid="{os.getpid()}"' in body


def test_a_process_that_starts_later_is_seen_and_gone_when_it_ends() -> None:
    def pids(url: str) -> int:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.read().decode().count("process_open_fds{"))

    port = free_port()
    with exporter("process", "--port", str(port), "--wait", "--listen", "127.0.0.1:0") as (_, url):
        before = pids(url)
        with child_server(port=port):
            during = pids(url)
        after = pids(url)

    assert (before, during, after) == (0, 1, 0)


def test_help_shows_an_example() -> None:
    result = runner.invoke(app, ["process", "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "plimsoll exporter process --port 8080" in result.stdout
