"""Runs wrk or ab to its end, and no longer than it may."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exporters.errors import ExporterError
from exporters.load_test.ab_output import with_percentiles
from exporters.load_test.parse_run import parse_run
from exporters.load_test.runs import LoadTestRun, Tool
from monitor.clock import Clock
from monitor.errors import LoadTestError
from monitor.loadtest.distribution import Distribution, expected_microseconds, parse_wrk_distribution, uncorrected
from monitor.loadtest.generator_command import PACKAGES, LoadPlan, command, write_files
from monitor.loadtest.scenario import LoadTarget

# wrk waits for its threads, ab for open answers (30 s at most: its -s).
_OVERTIME_SECONDS = 40.0
_TICK_SECONDS = 0.2
_LINES_SHOWN = 10

Tick = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class GeneratorRun:
    """`measured` is the distribution before wrk's correction; None with ab, or if it cannot be had from wrk, and then
    `why_not_measured` says why."""

    run: LoadTestRun
    measured: Distribution | None
    why_not_measured: str = ""


def check_installed(tool: Tool) -> None:
    """Raises LoadTestError that says what to install."""
    if shutil.which(tool.value) is None:
        raise LoadTestError(f"{tool.value} is not on the PATH: install {PACKAGES[tool]}")


def run_generator(plan: LoadPlan, folder: Path, clock: Clock, tick: Tick) -> GeneratorRun:
    """Blocks until the tool has ended; `tick` is told the seconds since its start, five times a second.

    Raises LoadTestError if it fails, takes too long or does not finish its report: there are no half figures.
    """
    check_installed(plan.tool)
    write_files(plan, folder)
    text = _output(plan, folder, clock, tick)
    try:
        return _read(plan, text, folder)
    except ExporterError as error:
        raise LoadTestError(f"{error}\n{_end_of(text, plan.target)}") from error


def _output(plan: LoadPlan, folder: Path, clock: Clock, tick: Tick) -> str:
    with subprocess.Popen(
        command(plan, folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            text = _wait(process, plan.tool.value, plan.seconds + _OVERTIME_SECONDS, clock, tick)
        finally:
            process.kill()
    if process.returncode != 0:
        raise LoadTestError(f"{plan.tool.value} ended with code {process.returncode}:\n{_end_of(text, plan.target)}")
    return text


def _wait(process: subprocess.Popen[str], name: str, seconds_max: float, clock: Clock, tick: Tick) -> str:
    started = clock.monotonic_seconds()
    while True:
        try:
            return process.communicate(timeout=_TICK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            elapsed = clock.monotonic_seconds() - started
            if elapsed > seconds_max:
                raise LoadTestError(f"{name} has not ended after {elapsed:.0f} s") from None
            tick(elapsed)


def _read(plan: LoadPlan, text: str, folder: Path) -> GeneratorRun:
    run = parse_run(text, plan.tool.value)
    if plan.tool is not Tool.WRK:
        # Without a request there is no file.
        csv = folder / "percentiles.csv"
        return GeneratorRun(with_percentiles(run, csv.read_text()) if csv.exists() and run.latency else run, None)
    return _of_wrk(replace(run, connections=plan.connections), parse_wrk_distribution(text), plan.connections)


def _of_wrk(run: LoadTestRun, pairs: Sequence[tuple[int, int]] | None, connections: int) -> GeneratorRun:
    """wrk counts an answer after 2 s and more as a request and as a timeout, and leaves it out of its latencies."""
    if run.latency is None:
        return GeneratorRun(run, None)
    if pairs is None:
        return GeneratorRun(run, None, "wrk's distribution was too large to print")
    expected_us = expected_microseconds(run.duration_seconds, run.requests, connections)
    measured = uncorrected(pairs, expected_us) if expected_us else None
    if measured is None or measured.requests != run.requests - run.errors.get("timeout", 0):
        return GeneratorRun(run, None, "wrk's distribution cannot come of its correction")
    return GeneratorRun(run, measured)


def _end_of(text: str, target: LoadTarget) -> str:
    """Without the query of the URL, which either tool repeats."""
    shown = text.replace(target.path, target.shown_path)
    return "\n".join(shown.strip().splitlines()[-_LINES_SHOWN:])
