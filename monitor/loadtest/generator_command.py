"""The command line of wrk and ab for a scenario."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from exporters.load_test.collector import WRK_SCRIPT
from exporters.load_test.runs import Tool
from monitor.loadtest.scenario import LoadTarget, Scenario

DISTRIBUTION_SCRIPT = Path(__file__).with_name("wrk_distribution.lua")
# More than ab, which has one thread, can make.
_AB_REQUESTS_PER_SECOND_MAX = 400_000
# `struct data` of ab.c. ab asks for the memory of all requests that may come at once, and touches it as they come.
_AB_BYTES_PER_REQUEST = 32
# Linux refuses to give a program more than there is of memory at once; half is left for the server and for us.
_AB_MEMORY_SHARE = 0.5
# wrk's default --timeout: of what is answered later it counts a timeout, and no latency.
WRK_LATENCY_SECONDS_MAX = 2.0
PACKAGES = {Tool.WRK: "wrk (Debian: apt install wrk)", Tool.AB: "ab (Debian: apt install apache2-utils)"}


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One run. `threads` are wrk's; ab has one."""

    scenario: Scenario
    tool: Tool
    target: LoadTarget
    seconds: int
    connections: int
    threads: int


def default_threads() -> int:
    """Half of the processors: the other half is for the server."""
    return max((os.cpu_count() or 1) // 2, 1)


def write_files(plan: LoadPlan, folder: Path) -> None:
    """What the command reads: wrk's script, or the body that ab posts."""
    (folder / "body").write_bytes(plan.scenario.body)
    (folder / "load.lua").write_text(wrk_script(plan.scenario))


def wrk_script(scenario: Scenario) -> str:
    """wrk takes one script; it sets the request and loads the two that print figures."""
    lines = [f"dofile({_lua_text(str(path))})" for path in (WRK_SCRIPT, DISTRIBUTION_SCRIPT)]
    if scenario.body:
        lines.append('wrk.method = "POST"')
        lines.append(f"wrk.body = {_lua_text(scenario.body.decode())}")
        lines.append(f'wrk.headers["Content-Type"] = {_lua_text(scenario.content_type)}')
    if not scenario.keep_alive:
        lines.append('wrk.headers["Connection"] = "close"')
    return "\n".join(lines) + "\n"


def command(plan: LoadPlan, folder: Path) -> list[str]:
    """To be run after `write_files`. ab writes its percentiles to `percentiles.csv` in `folder`."""
    if plan.tool is Tool.WRK:
        size = [f"-t{min(plan.threads, plan.connections)}", f"-c{plan.connections}", f"-d{plan.seconds}s"]
        return ["wrk", *size, "--latency", "-s", str(folder / "load.lua"), plan.target.url]
    assert plan.tool is Tool.AB, f"BUG: got {plan.tool}, want wrk or ab"
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    requests_max = ab_requests_max(plan.seconds, memory_bytes)
    # -n after -t, which sets it to 50 000. -l: answers may differ in length.
    size = ["-t", str(plan.seconds), "-n", str(requests_max), "-c", str(plan.connections), "-l"]
    kept = ["-k"] if plan.scenario.keep_alive else []
    body = ["-p", str(folder / "body"), "-T", plan.scenario.content_type] if plan.scenario.body else []
    return ["ab", "-q", *size, *kept, *body, "-e", str(folder / "percentiles.csv"), plan.target.url]


def ab_requests_max(seconds: int, memory_bytes: int) -> int:
    """After how many requests ab ends, though `seconds` are not over: no more than its memory has room for."""
    return min(seconds * _AB_REQUESTS_PER_SECOND_MAX, int(memory_bytes * _AB_MEMORY_SHARE) // _AB_BYTES_PER_REQUEST)


def connections_opened(plan: LoadPlan, requests: int, kept_requests: int | None, broken: int) -> int:
    """How many connections the tool has opened, by how it works; exact if none was `broken`.

    Both open `connections` at first and another one for each that ends with an answer. One that cannot be made is tried
    again and reaches no server. wrk opens and closes one before
    that, to choose among the host's addresses (`wrk.resolve` in its wrk.lua).
    """
    ended = 0 if plan.scenario.keep_alive else requests
    if plan.tool is Tool.AB and plan.scenario.keep_alive:
        ended = requests - (kept_requests or 0)
    return plan.connections + ended + broken + (1 if plan.tool is Tool.WRK else 0)


def _lua_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
