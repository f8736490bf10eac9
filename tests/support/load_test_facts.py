"""A load test that has run: 1 000 requests of 10 connections in 1 s, to be changed where a test needs it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from exporters.load_test.runs import Latency, LoadTestRun, Tool
from monitor.loadtest.distribution import Distribution
from monitor.loadtest.exposed_figures import HistogramTotals
from monitor.loadtest.facts import Facts
from monitor.loadtest.figures import Between, Figure
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.observe_run import Observation, OwnRequest, SocketLook
from monitor.loadtest.reconcile import reconcile
from monitor.loadtest.run_generator import GeneratorRun
from monitor.loadtest.scenario import LoadTarget, scenario_named
from monitor.loadtest.window import Window

ANSWER_BYTES = 100
OWN = 20


def totals(count: float, seconds: float) -> HistogramTotals:
    return HistogramTotals(count, seconds, {0.0001: 0.0, 0.001: count, 0.01: count, math.inf: count})


def window(requests: int, **changed: Any) -> Window:
    """`requests` with ours among them, each 1 ms in its handler."""
    plain = Window(
        runtime="go",
        durations=totals(requests, requests * 0.001),
        by_status={"200": requests},
        sent_bytes=requests * ANSWER_BYTES,
        accepted=11 + OWN,
        resident_bytes=5e6,
        cpu_seconds=0.5,
        gc_pauses=None,
        stalls=None,
        proc_cpu_seconds=Between(0.49, 0.51),
        proc_resident_bytes=Between(5e6, 5e6),
    )
    return replace(plain, **changed)


def run_of(tool: Tool, **changed: Any) -> LoadTestRun:
    plain = LoadTestRun(
        tool=tool,
        duration_seconds=1.0,
        requests=1000,
        requests_per_second=1000.0,
        latency=Latency(mean=0.01, quantiles={0.5: 0.01, 0.99: 0.01}),
        errors={},
        read_bytes=1000 * ANSWER_BYTES,
        keep_alive_requests=1000,
    )
    return replace(plain, **changed)


def observation() -> Observation:
    """Of the 10 connections 6 wait for the server and 3 for the generator; our own requests take 7 ms."""
    own = tuple(OwnRequest(0.001, 0.007, "200", ANSWER_BYTES) for _ in range(OWN))
    return Observation(own, (SocketLook(6, 3),) * 20, connections=OWN, requests_sent=OWN)


def facts(scenario: str = "flash-sale", in_flight: int = 0, **changed: Any) -> Facts:
    chosen = scenario_named(scenario)
    plan = LoadPlan(chosen, chosen.tool, LoadTarget("127.0.0.1", 8101, chosen.path), 1, 10, 1)
    plain = Facts(
        plan=plan,
        generated=GeneratorRun(run_of(chosen.tool), Distribution((0.01,), (1000,))),
        window=window(1000 + OWN + in_flight),
        seen=observation(),
    )
    return replace(plain, **changed)


def figures_of(known: Facts) -> dict[str, Figure]:
    return {figure.name: figure for figure in reconcile(known)}
