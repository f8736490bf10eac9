from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.exporters.table import app

runner = CliRunner()


def test_fixed_targets_are_probed_once_for_json() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        result = runner.invoke(app, ["probe", "--tcp", place, "--http", "http://127.0.0.1:1/", "--json"])

    assert result.exit_code == 0
    by_name = {metric["name"]: metric["samples"] for metric in json.loads(result.stdout)["metrics"]}
    success = {sample["labels"]["target"]: sample["value"] for sample in by_name["probe_success"]}
    assert success == {place: 1, "http://127.0.0.1:1/": 0}


def test_a_module_of_a_file_is_used(tmp_path: Path) -> None:
    file = tmp_path / "blackbox.yml"
    file.write_text("modules: {quick: {prober: tcp, timeout: 100ms}}\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"quick=127.0.0.1:{server.getsockname()[1]}"
        result = runner.invoke(app, ["probe", "--modules", str(file), "--target", target, "--json"])

    assert (result.exit_code, '"module": "quick"' in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--target", "http_2xx"], 2, "want MODULE=TARGET"),
        (["--target", "icmp=h"], 2, "got the module 'icmp', want one of http_2xx"),
        (["--http", "http://me:secret@h/"], 1, "probe target: got 'http://h/'"),
        (["--tcp", "db"], 1, "want HOST:PORT"),
        (["--modules", "none.yml"], 1, "none.yml: No such file"),
    ],
)
def test_a_wrong_option_says_what_is_wanted(arguments: list[str], code: int, message: str) -> None:
    result = runner.invoke(app, ["probe", *arguments, "--json"], env={"COLUMNS": "200"})

    assert result.exit_code == code
    assert message in result.stderr and "secret" not in result.stderr


@pytest.mark.parametrize("kind", ["process", "connections", "probe", "host"])
def test_an_exporter_listens_on_loopback_unless_told_otherwise(kind: str) -> None:
    result = runner.invoke(app, [kind, "--help"], env={"COLUMNS": "200"})

    assert "default: 127.0.0.1:" in result.stdout
