"""The pauses that the Go servers show are those that Go's runtime has traced (GODEBUG=gctrace=1)."""

from __future__ import annotations

import re
import subprocess

import pytest
from live_fleet import LiveServer
from raw_http import Exposition
from toolchains import need_program

from deploy.fleet.servers import SERVERS

# Of a collection's three clock times, the first and the last are those that the program was stopped for.
TRACE = re.compile(r"^gc \d+ @.*: ([\d.]+)\+[\d.]+\+([\d.]+) ms clock", re.MULTILINE)


@pytest.mark.parametrize("name", [server.name for server in SERVERS if server.runtime == "go"])
def test_pauses_are_those_of_the_trace(server: LiveServer) -> None:
    url = f"http://127.0.0.1:{server.port}/product/7"
    load = [need_program("ab"), "-q", "-k", "-n", "20000", "-c", "8", url]
    subprocess.run(load, check=True, capture_output=True, timeout=60)

    scraped, traced = look_until_equal(server)

    traced_seconds = sum(traced_milliseconds(text) for pair in traced for text in pair) / 1000
    assert scraped.sum("go_gc_duration_seconds_count") == len(traced) > 20
    # Two for each collection; rarely one more, where marking found work left and went on (golang/go#27993).
    assert 0 <= scraped.sum("runtime_gc_pause_seconds_count") - 2 * len(traced) <= 1
    assert scraped.sum("runtime_gc_pause_seconds_sum") == pytest.approx(traced_seconds, rel=0.02)


def look_until_equal(server: LiveServer) -> tuple[Exposition, list[tuple[str, str]]]:
    """Looking may bring on a collection between the one figure and the other, and Go fills its histogram a moment
    after a collection has ended."""
    for _ in range(20):
        scraped = server.scrape()
        traced = TRACE.findall(server.log.read_text())
        pauses = scraped.sum("runtime_gc_pause_seconds_count")
        if scraped.sum("go_gc_duration_seconds_count") == len(traced) and pauses >= 2 * len(traced):
            break
    return scraped, traced


def traced_milliseconds(text: str) -> float:
    """The trace cuts times off after a microsecond or two digits (fmtNSAsMS in runtime/mgc.go): half a unit is lost."""
    decimals = len(text.partition(".")[2]) if text != "0" else 3
    return float(text) + 0.5 * 10**-decimals
