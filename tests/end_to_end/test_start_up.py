"""What the service imports before it answers queries: time and memory that every start pays for."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

# Serves until it is ready; prints what is imported by then, and what at the end.
_PROGRAM = """
import asyncio, json, os, signal, sys
from pathlib import Path
from monitor.app.options import ServeOptions
from monitor.app.run import serve
from monitor.cli.main import load_command

def show_modules():
    print(json.dumps(sorted(sys.modules)), flush=True)

def announce(url):
    show_modules()
    os.kill(os.getpid(), signal.SIGTERM)

load_command("monitor.cli.serve")
asyncio.run(serve(ServeOptions(Path(sys.argv[1]), Path(sys.argv[2]), port=0), announce))
show_modules()
"""
HEAVY = ("aiohttp", "alembic", "alerts", "apscheduler", "fastapi", "pyarrow", "pydantic", "rich", "sqlalchemy")
TARGETS = "scrape_configs: [{job_name: a, static_configs: [{targets: ['127.0.0.1:9']}]}]\n"
RULES = "groups: [{name: g, rules: [{record: one, expr: '1'}]}]\n"


@dataclass(frozen=True, slots=True)
class Imported:
    when_ready: frozenset[str]
    at_the_end: frozenset[str]


def imported_by_serving(directory, config: str) -> Imported:
    (directory / "p.yml").write_text(config)
    command = [sys.executable, "-c", _PROGRAM, directory / "p.yml", directory / "data"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    when_ready, at_the_end = map(json.loads, done.stdout.splitlines())
    return Imported(frozenset(when_ready), frozenset(at_the_end))


@pytest.mark.parametrize("config", ["{}", TARGETS], ids=["nothing", "targets"])
def test_a_service_without_rules_never_imports_what_only_they_need(tmp_path, config):
    imported = imported_by_serving(tmp_path, config)

    assert imported.at_the_end.isdisjoint(HEAVY)
    assert {"numpy", "monitor.promql.engine"} <= imported.when_ready


def test_a_service_with_rules_answers_queries_before_the_database_is_imported(tmp_path):
    (tmp_path / "rules.yml").write_text(RULES)

    imported = imported_by_serving(tmp_path, "rule_files: [rules.yml]\n")

    assert imported.when_ready.isdisjoint({*HEAVY} - {"alerts"})
    assert {"sqlalchemy", "alerts.schedule"} <= imported.at_the_end


def test_help_imports_no_verb():
    program = "import sys, monitor.cli.main as m; m.build_app(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert set(done.stdout.split()).isdisjoint({*HEAVY, "numpy", "asyncio", "monitor.cli.serve"})
