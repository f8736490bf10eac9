from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from monitor.cli.exporters.table import KINDS, Kind, app, build_app

runner = CliRunner()
TIDE = Kind("tide", "tide_exporter", "High water.")


def test_another_kind_is_one_line_in_the_table() -> None:
    tides = build_app([TIDE])

    assert runner.invoke(tides, ["tide", "--harbour", "Dover"]).stdout == "high water at Dover\n"


def test_an_error_of_an_exporter_is_a_line_and_exit_code_1() -> None:
    result = runner.invoke(build_app([TIDE]), ["tide"])

    assert (result.exit_code, result.stderr) == (1, "plimsoll exporter: no tide there\n")


def test_help_lists_every_kind_without_importing_it() -> None:
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom monitor.cli.exporters import table\n"
        "print(CliRunner().invoke(table.app, ['--help']).stdout)\n"
        "print('imported', [kind.module for kind in table.KINDS if kind.module in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert all(kind.name in result.stdout and kind.help[:20] in result.stdout for kind in KINDS)
    assert "imported []" in result.stdout


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_help_with_an_example(kind: Kind) -> None:
    result = runner.invoke(app, [kind.name, "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    example = result.stdout.partition("Example: ")[2]
    assert f"plimsoll exporter {kind.name}" in example


def test_an_unknown_kind_is_a_usage_error() -> None:
    assert runner.invoke(app, ["tides"]).exit_code == 2


@pytest.mark.parametrize(("name", "line"), [("asgi", "app.add_middleware("), ("python_gc", "install(registry)")])
def test_what_runs_inside_a_server_is_no_kind_and_says_so(name: str, line: str) -> None:
    result = runner.invoke(app, [name, "--port", "80"], env={"COLUMNS": "200"})

    assert result.exit_code == 2
    assert f"{name} runs inside the server" in result.stderr and line in result.stderr
