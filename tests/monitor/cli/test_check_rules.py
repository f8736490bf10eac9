from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli.main import build_app

GOOD = "groups: [{name: g, rules: [{alert: A, expr: up}, {record: r, expr: up}]}]"


def check(*arguments: str | Path):
    return CliRunner().invoke(build_app(), ["check", "rules", *map(str, arguments)])


def test_valid_files_are_summed_up(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text("")

    result = check(tmp_path / "a.yml", tmp_path / "b.yml")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{tmp_path}/a.yml is valid (groups: 1, rules: 2)",
        f"{tmp_path}/b.yml is valid (groups: 0, rules: 0)",
    ]


def test_one_bad_file_fails_the_check_and_the_others_are_checked_too(tmp_path):
    (tmp_path / "a.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: sum(}]}]")
    (tmp_path / "b.yml").write_text(GOOD)

    result = check(tmp_path / "a.yml", tmp_path / "b.yml")

    assert result.exit_code == 1
    assert f"{tmp_path}/a.yml:1: groups[0].rules[0].expr: could not parse expression" in result.stderr
    assert result.stdout == f"{tmp_path}/b.yml is valid (groups: 1, rules: 2)\n"


def test_json_output_is_one_object_for_each_file(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD)

    result = check(tmp_path / "a.yml", "--json")

    assert json.loads(result.stdout) == {
        "file": f"{tmp_path}/a.yml", "ok": True, "problems": [], "groups": 1, "rules": 2,
    }  # fmt: skip
