"""A load generator that does not do its work gives an error and no figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.errors import LoadTestError
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.run_generator import GeneratorRun, run_generator
from monitor.loadtest.scenario import load_target, scenario_named

RECORDED = Path(__file__).parents[2] / "exporters" / "load_test" / "recorded"


def run(tool: str, script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> GeneratorRun:
    """`script` is what stands on the PATH under the tool's name."""
    program = folder / tool
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    scenario = scenario_named("flash-sale" if tool == "wrk" else "payment")
    plan = LoadPlan(scenario, scenario.tool, load_target("http://127.0.0.1:1/x?token=secret", scenario), 1, 8, 1)
    return run_generator(plan, folder, SystemClock(), lambda _: None)


@pytest.mark.parametrize("tool", ["wrk", "ab"])
def test_one_that_is_killed_is_told_with_its_signal(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoadTestError, match=f"^{tool} ended with code -9"):
        run(tool, f"cat {RECORDED}/{tool}_killed.txt; kill -9 $$", tmp_path, monkeypatch)


@pytest.mark.parametrize("tool", ["wrk", "ab"])
def test_one_whose_report_breaks_off_gives_no_half_figures(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LoadTestError):
        run(tool, f"cat {RECORDED}/{tool}_killed.txt", tmp_path, monkeypatch)


def test_one_that_fails_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoadTestError, match=r"(?s)^wrk ended with code 1.*unable to connect to http://127.0.0.1:1/x$"):
        run("wrk", 'for last; do :; done; echo unable to connect to "$last"; exit 1', tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "wrk's distribution was too large to print"),
        ('{"wrk_distribution":1,"latency_us":[[100,1]]}', "wrk's distribution cannot come of its correction"),
    ],
)
def test_why_wrks_correction_is_not_known_is_said(
    line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = run("wrk", f"cat {RECORDED}/wrk_script.txt; echo '{line}'", tmp_path, monkeypatch)

    assert (generated.measured, generated.why_not_measured) == (None, reason)
