"""docs/querying.md says what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.cli.query.asking import ExitCode
from monitor.cli.query.commands import app
from monitor.config.render import render_setting
from monitor.config.settings import SETTINGS

PAGE = (Path(__file__).parents[3] / "docs" / "querying.md").read_text()
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `?([^|`]+)`? \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)}
OF_QUERIES = [setting for setting in SETTINGS if re.search(r"quer(y|ies)|expression|client|found_series", setting.key)]


@pytest.mark.parametrize("setting", OF_QUERIES, ids=lambda setting: setting.key)
def test_every_setting_of_queries_is_there_with_default_and_help(setting):
    default = str(render_setting(setting, setting.default)) or "(none)"

    assert ROWS[setting.key] == (default, setting.help)


@pytest.mark.parametrize("verb", [command.name or command.callback.__name__ for command in app.registered_commands])
def test_every_verb_has_an_example(verb):
    assert f"    plimsoll query {verb} " in PAGE


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_there(code):
    assert re.search(rf"^\| {code.value} \| ", PAGE, re.MULTILINE)


@pytest.mark.parametrize("path", ["status/active_queries", "status/slow_queries", "explain", "search/metrics"])
def test_every_path_is_there(api, path):
    assert f"/api/v1/{path}" in PAGE
    assert f"/api/v1/{path}" in api.request("GET", "/openapi.json").json["paths"]
