"""wrk and ab for 2 seconds each against a server of each runtime: what they count is what the server shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from live_fleet import LiveServer
from load_tested import run_load_test, uncounted
from toolchains import need_program

pytestmark = pytest.mark.parametrize("name", ["rust-std", "go-std", "node-std"])

JUDGED = ("latency_average", "latency_p50", "latency_p99")


def load(server: LiveServer, scenario: str, path: str) -> dict[str, Any]:
    done = run_load_test(
        *("--url", f"http://127.0.0.1:{server.port}{path}"),
        *("--metrics", f"http://127.0.0.1:{server.running.place.metrics_port}/metrics"),
        *("--scenario", scenario, "--seconds", "2", "--connections", "8", "--json"),
    )
    assert done.stdout, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize(
    ("scenario", "tool", "path", "error_rate"),
    [("flash-sale", "wrk", "/fail?rate=0.3", 0.3), ("callback", "ab", "/nowhere", 1.0)],
)
def test_each_request_that_failed_is_counted(
    server: LiveServer, scenario: str, tool: str, path: str, error_rate: float
) -> None:
    need_program(tool)

    data = load(server, scenario, path)

    assert data["requests"]["generator"] > 100
    assert data["error_rate"]["plimsoll"] == pytest.approx(error_rate, abs=0.1)
    assert uncounted(data) == {}
    assert data["bytes"]["agrees"] and data["throughput"]["agrees"]
    # How much of a latency is left depends on what else the machine does; that it was judged does not.
    assert [figure for figure in JUDGED if data[figure]["agrees"] is None] == []
