from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli.main import build_app


def check(*arguments: str | Path):
    return CliRunner().invoke(build_app(), ["check", "config", *map(str, arguments)])


def test_a_valid_file_is_summed_up(tmp_path):
    file = tmp_path / "p.yml"
    file.write_text("scrape_configs: [{job_name: a}, {job_name: b}]")

    result = check(file)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{file} is valid (jobs: 2, rule file patterns: 0, receivers: 0, scaling policies: 0)\n"


def test_warnings_do_not_fail_the_check(tmp_path):
    file = tmp_path / "p.yml"
    file.write_text("remote_write: []")

    result = check(file)

    assert (result.exit_code, result.stderr) == (
        0, f"warning: {file}:1: remote_write: ignored: samples are kept here and not sent on\n",
    )  # fmt: skip


def test_every_problem_is_printed_with_its_place(tmp_path):
    file = tmp_path / "p.yml"
    file.write_text("globl: {}\nscrape_configs:\n- job_name: a\n  scheme: ftp\n")

    result = check(file)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"{file}:1: globl: unknown key, did you mean global?",
        f"{file}:4: scrape_configs[0].scheme: got 'ftp', want http or https",
        f"{file} is not valid (problems: 2)",
    ]


def test_json_output_is_one_object_either_way(tmp_path):
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text("tracing: {endpoint: x}")
    bad.write_text("x: 1")

    passed, failed = check(good, "--json"), check(bad, "--json")

    assert (passed.exit_code, failed.exit_code) == (0, 1)
    assert json.loads(passed.stdout)["warnings"][0]["path"] == "tracing"
    assert json.loads(failed.stdout) == {
        "file": str(bad),
        "ok": False,
        "problems": [{"file": str(bad), "line": 1, "path": "x", "message": "unknown key"}],
    }


def test_a_missing_file_is_named(tmp_path):
    result = check(tmp_path / "none.yml")

    assert result.exit_code == 1
    assert f"{tmp_path}/none.yml: cannot be read: No such file or directory" in result.stderr
