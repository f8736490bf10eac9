"""What the four loads ask for, and the commands that do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.load_test.runs import Tool
from monitor.errors import BadRequest
from monitor.loadtest.generator_command import LoadPlan, command, write_files
from monitor.loadtest.scenario import load_target, request_bytes, scenario_named


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://127.0.0.1:8101", "/product/42"),
        ("http://127.0.0.1:8101/", "/product/42"),
        ("http://127.0.0.1:8101/cart?id=1", "/cart?id=1"),
        ("http://127.0.0.1:8101/?id=1", "/?id=1"),
    ],
)
def test_a_url_without_a_path_gets_the_scenarios(url: str, path: str) -> None:
    assert load_target(url, scenario_named("flash-sale")).path == path


def test_a_query_is_asked_for_and_not_shown() -> None:
    target = load_target("http://shop:8101/pay?token=secret", scenario_named("payment"))

    assert (target.url, target.shown_url) == ("http://shop:8101/pay?token=secret", "http://shop:8101/pay")


@pytest.mark.parametrize("url", ["https://shop:8101", "shop:8101", "http://", "http://u:p@shop", "http://shop:x"])
def test_what_is_no_http_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadRequest, match=r"^URL: got") as caught:
        load_target(url, scenario_named("flash-sale"))

    assert "u:p" not in str(caught.value)


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(BadRequest, match="got 'sale', want one of flash-sale, payment, login, callback"):
        scenario_named("sale")


def test_our_own_request_is_the_scenarios() -> None:
    scenario = scenario_named("callback")

    text = request_bytes(scenario, load_target("http://[::1]:8101", scenario))

    assert text.startswith(b"POST /pay HTTP/1.1\r\nHost: [::1]:8101\r\nContent-Type: application/json\r\n")
    assert b"\r\nConnection: close\r\n\r\n{" in text


@pytest.mark.parametrize(
    ("name", "tool", "wanted"),
    [
        ("flash-sale", Tool.WRK, ["wrk", "-t1", "-c10", "-d3s", "--latency"]),
        ("payment", Tool.AB, ["ab", "-q", "-t", "3", "-n", "1200000", "-c", "10", "-l", "-k", "-p"]),
        ("callback", Tool.AB, ["ab", "-q", "-t", "3", "-n", "1200000", "-c", "10", "-l", "-p"]),
        ("flash-sale", Tool.AB, ["ab", "-q", "-t", "3", "-n", "1200000", "-c", "10", "-l", "-k", "-e"]),
    ],
    ids=["sale", "payment", "callback", "sale-with-ab"],
)
def test_the_command_of_a_scenario(name: str, tool: Tool, wanted: list[str], tmp_path: Path) -> None:
    scenario = scenario_named(name)
    target = load_target("http://127.0.0.1:8101", scenario)

    arguments = command(LoadPlan(scenario, tool, target, 3, 10, 2 if tool is Tool.AB else 1), tmp_path)

    assert arguments[: len(wanted)] == wanted
    assert arguments[-1] == f"http://127.0.0.1:8101{scenario.path}"


def test_wrks_script_closes_short_connections(tmp_path: Path) -> None:
    scenario = scenario_named("login")
    target = load_target("http://127.0.0.1:8101", scenario)

    write_files(LoadPlan(scenario, Tool.WRK, target, 3, 10, 1), tmp_path)

    script = (tmp_path / "load.lua").read_text()
    assert script.endswith('wrk.headers["Connection"] = "close"\n')
    assert "wrk.method" not in script
