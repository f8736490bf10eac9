"""wrk and ab for 3 seconds each against a real server: what they say and what it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from load_tested import measured_server, run_load_test
from toolchains import need_program


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with measured_server() as found:
        yield found


def figures(port: int, scenario: str, path: str = "") -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}{path}"
    done = run_load_test("--url", url, "--scenario", scenario, "--seconds", "3", "--connections", "8", "--json")
    assert done.stdout, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize(("scenario", "tool"), [("flash-sale", "wrk"), ("login", "wrk"), ("payment", "ab")])
def test_counts_are_those_of_the_generator(port: int, scenario: str, tool: str) -> None:
    need_program(tool)

    data = figures(port, scenario)

    assert data["tool"] == tool
    assert data["requests"]["generator"] > 100
    for name in ("requests", "bytes", "connections", "connection_reuse", "errors", "non_2xx"):
        assert data[name]["rest"] == pytest.approx(0, abs=1e-6), (name, data[name])
    assert data["qps"]["agrees"]
    assert data["cpu"]["agrees"]
    assert data["latency_average"]["explained"]


@pytest.mark.parametrize(("scenario", "tool"), [("flash-sale", "wrk"), ("callback", "ab")])
def test_failures_are_counted_exactly(port: int, scenario: str, tool: str) -> None:
    need_program(tool)

    data = figures(port, scenario, "/fail")

    assert data["error_rate"]["generator"] == pytest.approx(1 / 3, abs=0.02)
    assert data["non_2xx"]["rest"] == 0
    assert data["errors"]["rest"] == 0


def test_an_answer_that_wrk_calls_a_timeout_is_an_answer_on_its_connection(port: int) -> None:
    need_program("wrk")

    data = figures(port, "flash-sale", "/late")

    assert data["requests"]["generator"] == data["errors"]["generator"] == 8
    assert data["error_rate"]["generator"] == 1
    for name in ("requests", "errors", "error_rate", "connections", "connection_reuse", "bytes"):
        assert data[name]["rest"] == pytest.approx(0, abs=1e-6), (name, data[name])
    assert data["latency_p99"]["generator"] is None


def test_a_server_that_is_not_there_is_said(port: int) -> None:
    need_program("wrk")

    done = run_load_test("--url", "http://127.0.0.1:1", "--scenario", "flash-sale", "--seconds", "1")

    assert done.returncode == 1
    assert done.stderr.startswith("plimsoll: http://127.0.0.1:1/metrics: ConnectionRefusedError")
