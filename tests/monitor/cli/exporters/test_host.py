from __future__ import annotations

import json
from pathlib import Path

from fake_host import write_fake_host
from typer.testing import CliRunner

from monitor.cli.exporters.table import app

runner = CliRunner()


def test_the_figures_of_a_host_are_printed_as_json(tmp_path: Path) -> None:
    proc = write_fake_host(tmp_path)

    result = runner.invoke(app, ["host", "--proc-path", str(proc), "--root-path", str(tmp_path), "--json"])

    assert result.exit_code == 0
    by_name = {metric["name"]: metric["samples"] for metric in json.loads(result.stdout)["metrics"]}
    assert by_name["node_memory_MemTotal_bytes"][0]["value"] == 1_024_000


def test_a_folder_that_is_no_proc_is_an_error(tmp_path: Path) -> None:
    result = runner.invoke(app, ["host", "--proc-path", str(tmp_path), "--json"])

    assert (result.exit_code, "want a mounted proc file system" in result.stderr) == (1, True)
