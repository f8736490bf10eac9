"""Pauses, stalls and figures of the process."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from eventually import eventually
from node_program import NodeProgram, node_server
from raw_http import Exposition, RawConnection
from toolchains import need_program

# Keeps some of what it makes, so that there are full collections, too.
ALLOCATE = """
  globalThis.kept = (globalThis.kept ?? []).length > 200 ? [] : (globalThis.kept ?? []);
  globalThis.kept.push(Array.from({ length: 2000 }, (_, number) => ({ number, text: "text " + number })));
  response.end("ok");
"""
# In V8's words: "... ms: Scavenge 3.8 (4.0) -> 3.4 (5.0) MB, 2.91 / 0.00 ms  (average mu = ..."
TRACE = re.compile(r" ms: (Scavenge|Mark-[Cc]ompact|Mark-sweep)\b.*? MB, (?:pooled: [\d.]+ MB, )?([\d.]+) / [\d.]+ ms")


def traced_pauses(program: NodeProgram) -> dict[str, list[float]]:
    pauses: dict[str, list[float]] = {"minor": [], "major": []}
    for name, milliseconds in TRACE.findall(program.output.read_text()):
        pauses["minor" if name == "Scavenge" else "major"].append(float(milliseconds) / 1000)
    return pauses


def counts(scraped: Exposition) -> dict[str, int]:
    return {kind: int(scraped.sum("runtime_gc_pause_seconds_count", kind=kind)) for kind in ("minor", "major")}


def test_pauses_are_those_that_node_traces(tmp_path: Path) -> None:
    with node_server(tmp_path, ALLOCATE, "--trace-gc") as program:
        load = [need_program("ab"), "-q", "-k", "-n", "4000", "-c", "4", f"http://127.0.0.1:{program.port}/"]
        subprocess.run(load, check=True, capture_output=True, timeout=60)
        for _ in range(20):  # a scrape may bring on a collection itself
            scraped, traced = program.scrape(), traced_pauses(program)
            if counts(scraped) == {kind: len(pauses) for kind, pauses in traced.items()}:
                break

    assert counts(scraped) == {kind: len(pauses) for kind, pauses in traced.items()}
    assert len(traced["minor"]) > 10
    assert len(traced["major"]) > 1
    traced_seconds = sum(sum(pauses) for pauses in traced.values())
    seconds = sum(scraped.sum("runtime_gc_pause_seconds_sum", kind=kind, runtime="node") for kind in traced)
    assert seconds == pytest.approx(traced_seconds, rel=0.02)


BLOCK = 'const end = Date.now() + 300; while (Date.now() < end) {} response.end("ok")'


def test_a_blocked_event_loop_is_a_stall(tmp_path: Path) -> None:
    with node_server(tmp_path, BLOCK) as program:
        before = program.scrape()
        with RawConnection(program.port) as connection:
            connection.ask("/")
            connection.ask("/")

        def stalls() -> float:
            after = program.scrape()
            longer = after.sum("runtime_stall_seconds_count") - after.sum("runtime_stall_seconds_bucket", le="0.25")
            return longer - (
                before.sum("runtime_stall_seconds_count") - before.sum("runtime_stall_seconds_bucket", le="0.25")
            )

        eventually(stalls, 2.0)
        assert program.scrape().sum("nodejs_eventloop_seconds_total", state="active") > 0.6


def test_the_process_is_as_the_kernel_sees_it(tmp_path: Path) -> None:
    with node_server(tmp_path) as program:
        folder = Path(f"/proc/{program.process.pid}")
        scraped = program.scrape()
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        resident_kilobytes = int((folder / "status").read_text().partition("VmRSS:")[2].split()[0])

    assert scraped.sum("process_resident_memory_bytes") == pytest.approx(resident_kilobytes * 1024, rel=0.05)
    cpu_seconds = (int(fields[11]) + int(fields[12])) / 100
    assert scraped.sum("process_cpu_seconds_total") == pytest.approx(cpu_seconds, abs=0.05)
    assert scraped.sum("process_max_fds") > scraped.sum("process_open_fds") > 3
