from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exporters.log_following.readiness import Awaited, wait_ready
from monitor.cli.exporters.table import app

RECORDED = Path(__file__).parents[3] / "exporters"
GO_LOG = RECORDED / "gc_logs" / "recorded" / "go_1.26.log"
WRK_OUTPUT = RECORDED / "load_test" / "recorded" / "wrk_script.txt"
COMMAND = [sys.executable, "-c", "from monitor.cli.exporters.table import app; app()"]
LINE = '1.2.3.4 - - [23/Nov/2026:17:43:48 +0000] "GET /pay HTTP/1.1" 200 5 "-" "-" 0.012\n'
runner = CliRunner()


def total(output: str, name: str) -> float:
    """The sum of the samples of that name in what --json prints."""
    metrics = json.loads(output)["metrics"]
    return sum(sample["value"] for metric in metrics for sample in metric["samples"] if sample["name"] == name)


def test_a_gc_log_is_read_once_with_json() -> None:
    result = runner.invoke(app, ["gc_logs", "--runtime", "go", "--file", str(GO_LOG), "--json"])

    collections = sum(line.startswith("gc ") for line in GO_LOG.read_text().splitlines())
    assert total(result.stdout, "runtime_gc_pause_seconds_count") == 2 * collections


def test_standard_input_is_read_to_its_end() -> None:
    command = [*COMMAND, "gc_logs", "--runtime", "go", "--file", "-", "--json"]
    result = subprocess.run(command, input=GO_LOG.read_text(), capture_output=True, text=True, timeout=30, check=True)

    assert total(result.stdout, "runtime_gc_pause_seconds_count") > 20


def test_a_program_is_run_watched_and_its_exit_code_passed_on(tmp_path: Path) -> None:
    script = f"cat {GO_LOG} >&2; read line < {tmp_path}/go_on; exit 7"
    os.mkfifo(tmp_path / "go_on")
    command = [*COMMAND, "gc_logs", "--runtime", "go", "--listen", "127.0.0.1:0", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as exporter:
        assert exporter.stdout is not None and exporter.stderr is not None
        url = exporter.stdout.readline().removeprefix("serving ").strip()
        errors = exporter.stderr.readline()
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        (tmp_path / "go_on").write_text("go on\n")
        errors += exporter.stderr.read()

        assert exporter.wait(10) == 7
    assert 'runtime_gc_pause_seconds_count{cause="",kind="other",log="sh",phase="mark_termination"' in text
    assert errors == GO_LOG.read_text()


def test_an_exporter_stopped_by_a_signal_ends_its_program() -> None:
    command = [*COMMAND, "gc_logs", "--runtime", "node", "--listen", "127.0.0.1:0", "--", "sleep", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exporter:
        assert exporter.stdout is not None
        exporter.stdout.readline()
        exporter.send_signal(signal.SIGTERM)

        assert exporter.wait(10) == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_program_and_its_exporter_gives_the_exit_code_of_the_program(number: signal.Signals) -> None:
    """As a terminal sends Ctrl-C: to both at once."""
    script = "trap 'exit 5' INT TERM; echo ready; while :; do sleep 0.01; done"
    command = [*COMMAND, "gc_logs", "--runtime", "node", "--listen", "127.0.0.1:0", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as exporter:
        assert exporter.stdout is not None
        assert {exporter.stdout.readline()[:5] for _ in range(2)} == {"servi", "ready"}
        os.killpg(exporter.pid, number)

        assert exporter.wait(10) == 5


def test_stop_signals_are_held_as_long_as_a_program_runs_and_reach_it() -> None:
    script = "grep -h SigBlk /proc/$PPID/status /proc/self/status >&2"
    command = [*COMMAND, "gc_logs", "--runtime", "go", "--listen", "127.0.0.1:0", "--", "sh", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    held = [int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1 for line in result.stderr.splitlines()]

    assert held == [1, 0]


def test_what_a_program_prints_while_it_is_stopped_goes_where_it_was_meant_for(tmp_path: Path) -> None:
    goodbye = tmp_path / "goodbye"
    goodbye.write_text("goodbye\n" * 50_000)  # more than a pipe holds
    script = f"trap 'cat {goodbye} >&2; exit 3' TERM; echo ready >&2; while :; do sleep 0.01; done"
    command = [*COMMAND, "gc_logs", "--runtime", "go", "--listen", "127.0.0.1:0", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as exporter:
        assert exporter.stdout is not None and exporter.stderr is not None
        exporter.stdout.readline()
        assert exporter.stderr.readline() == "ready\n"
        exporter.send_signal(signal.SIGTERM)
        errors = exporter.stderr.read()

        assert exporter.wait(10) == 3
    assert errors == goodbye.read_text()


@contextlib.contextmanager
def exporter_of_output_that_nobody_reads() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """With its URL, once the pipe that its program's output goes on to is full."""
    command = [*COMMAND, "gc_logs", "--runtime", "go", "--listen", "127.0.0.1:0", "--", "sh", "-c", "yes gc >&2"]
    unread, errors = os.pipe()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
    ) as exporter:
        try:
            assert exporter.stdout is not None
            url = exporter.stdout.readline().removeprefix("serving ").strip()
            wait_until_full(errors)
            yield exporter, url
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(exporter.pid, signal.SIGKILL)
            os.close(unread)
            os.close(errors)


def wait_until_full(pipe: int) -> None:
    give_up_seconds = time.monotonic() + 30
    while wait_ready([Awaited(pipe, select.POLLOUT)], 0):
        assert time.monotonic() < give_up_seconds
        time.sleep(0.01)


def test_an_exporter_whose_output_nobody_reads_ends_with_a_signal() -> None:
    with exporter_of_output_that_nobody_reads() as (exporter, _):
        exporter.send_signal(signal.SIGTERM)

        assert exporter.wait(30) == 128 + signal.SIGTERM


def test_an_exporter_whose_output_nobody_reads_answers_scrapes() -> None:
    with (
        exporter_of_output_that_nobody_reads() as (_, url),
        urllib.request.urlopen(url, timeout=30) as answer,
    ):
        assert answer.status == 200


def test_an_access_log_is_read_once_with_json(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(LINE * 3)
    arguments = ["access_log", "--file", str(log), "--state", str(tmp_path / "state"), "--json"]
    first, second = runner.invoke(app, arguments), runner.invoke(app, arguments)

    assert total(first.stdout, "http_server_requests_total") == 3
    assert total(second.stdout, "http_server_requests_total") == 0


def test_routes_are_what_the_user_says(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(LINE)
    result = runner.invoke(app, ["access_log", "--file", str(log), "--route", "/{page}", "--json"])

    assert '"http_route": "/{page}"' in result.stdout


def test_an_expvar_page_that_does_not_come_is_down() -> None:
    result = runner.invoke(app, ["expvar", "--url", "http://127.0.0.1:1", "--json"])

    assert total(result.stdout, "plimsoll_exporter_expvar_up") == 0


def test_a_run_is_written_as_openmetrics_text(tmp_path: Path) -> None:
    arguments = ["load_test", str(WRK_OUTPUT), "--scenario", "sale", "--write"]
    printed = runner.invoke(app, [*arguments, "-"])
    runner.invoke(app, [*arguments, str(tmp_path / "run.txt")])

    labels = '{co_corrected="true",run_id="wrk_script",scenario="sale",tool="wrk"}'
    assert f"loadtest_requests_total{labels}" in printed.stdout and printed.stdout.endswith("# EOF\n")
    assert (tmp_path / "run.txt").read_text() == printed.stdout


def test_the_script_for_wrk_is_where_it_says() -> None:
    result = runner.invoke(app, ["load_test", "--wrk-script"])

    assert "wrk_summary" in Path(result.stdout.strip()).read_text()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["gc_logs", "--runtime", "go"], 2, "at least one --file, or a program after --"),
        (["gc_logs", "--runtime", "perl", "--file", "x"], 2, "'perl' is not one of"),
        (
            ["gc_logs", "--runtime", "go", "--file", "nope"],
            1,
            "nope: No such file or directory; --wait starts without it",
        ),
        (["gc_logs", "--runtime", "go", "--", "no-such-program"], 1, "cannot start no-such-program"),
        (["access_log", "--file", "nope"], 1, "nope: No such file or directory"),
        (["access_log", "--file", "nope", "--format", "apache"], 1, "want combined, common, envoy, json"),
        (["expvar", "--url", "shop:80"], 1, "want http://HOST:PORT"),
        (["load_test", "nope"], 1, "nope: No such file or directory"),
        (["load_test", "a", "b", "--run-id", "7"], 2, "got 1 --run-id for 2 outputs"),
        (["load_test", "a", "b", "--ab-requests", "x"], 2, "go with one output"),
        (["load_test", str(WRK_OUTPUT), str(WRK_OUTPUT)], 2, "two runs of wrk named 'wrk_script', want a --run-id"),
        (["load_test", str(GO_LOG)], 1, "want the output of one run of wrk, ab or hey, got 0 runs"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], exit_code: int, message: str) -> None:
    result = runner.invoke(app, arguments, env={"COLUMNS": "200"})

    assert (result.exit_code, message in result.stderr) == (exit_code, True), result.stderr
