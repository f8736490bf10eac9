from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from monitor.cli.main import VERBS, build_app, load_command

HEAVY_MODULES = ("numpy", "aiohttp", "fastapi", "sqlalchemy", "re2", "yaml", "prometheus_client", "exporters")


def test_help_names_every_verb():
    result = CliRunner().invoke(build_app(), ["--help"])

    assert result.exit_code == 0
    assert all(verb.name in result.output for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_help_of_its_own(verb):
    result = CliRunner().invoke(build_app(), [verb.name, "--help"])

    assert result.exit_code == 0
    assert load_command(verb.module) is not None


def test_help_imports_nothing_that_a_verb_needs():
    program = f"""
import sys
from typer.testing import CliRunner
from monitor.cli.main import build_app
CliRunner().invoke(build_app(), ["--help"])
print([name for name in {HEAVY_MODULES!r} if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_the_version_is_shown():
    result = CliRunner().invoke(build_app(), ["--version"])

    assert (result.exit_code, result.output.split()[0]) == (0, "plimsoll")


def test_an_unknown_verb_is_a_usage_error_with_a_suggestion():
    result = CliRunner().invoke(build_app(), ["chek"])

    assert result.exit_code == 2
    assert "check" in result.output


def test_an_error_of_ours_is_printed_without_a_traceback(tmp_path):
    program = (
        "import sys, typer\n"
        "from monitor.cli import main\n"
        "from monitor.errors import StorageError\n"
        "sys.argv = ['plimsoll', 'fail']\n"
        "app = main.build_app()\n"
        "@app.command()\n"
        "def fail(): raise StorageError('the disk is gone')\n"
        "main.main(app)\n"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (1, "plimsoll: the disk is gone\n")
