from __future__ import annotations

import subprocess
from pathlib import Path

from toolchains import need_program

from exporters.load_test.runs import Tool
from monitor.loadtest.generator_command import LoadPlan, ab_requests_max, command, write_files
from monitor.loadtest.scenario import load_target, scenario_named

GIB = 1 << 30


def test_ab_may_make_as_many_requests_as_the_time_allows() -> None:
    assert ab_requests_max(10, 16 * GIB) == 4_000_000


def test_ab_asks_for_half_of_the_memory_at_most() -> None:
    assert ab_requests_max(3600, 16 * GIB) * 32 == 8 * GIB


def test_ab_is_given_the_memory_of_the_longest_run(tmp_path: Path) -> None:
    need_program("ab")
    scenario = scenario_named("payment")
    nobody_there = load_target("http://127.0.0.1:1", scenario)
    plan = LoadPlan(scenario, Tool.AB, nobody_there, seconds=3600, connections=1, threads=1)
    write_files(plan, tmp_path)

    done = subprocess.run(command(plan, tmp_path), capture_output=True, text=True, timeout=60, check=False)

    assert "Connection refused" in done.stderr
    assert "memory" not in done.stderr
