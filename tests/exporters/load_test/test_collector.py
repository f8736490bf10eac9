from __future__ import annotations

import subprocess
from pathlib import Path

from page_server import page_server
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from toolchains import need_program

from exporters.load_test.collector import WRK_SCRIPT, LoadTestCollector, openmetrics_text
from exporters.load_test.families import LabelledRun
from exporters.load_test.parse_run import parse_run
from exporters.load_test.runs import LoadTestRun, Tool

RECORDED = Path(__file__).with_name("recorded")
LABELS = {"tool": "wrk", "run_id": "7", "scenario": "flash-sale", "co_corrected": "true"}


def labelled(name: str, run_id: str = "7", ended_seconds: float | None = 1_795_455_828.5) -> LabelledRun:
    return LabelledRun(parse_run((RECORDED / name).read_text()), run_id, "flash-sale", ended_seconds)


def test_a_run_becomes_series_with_its_labels() -> None:
    run, registry = labelled("wrk_script.txt"), CollectorRegistry()
    registry.register(LoadTestCollector([run]))

    assert registry.get_sample_value("loadtest_requests_total", LABELS) == run.run.requests
    assert registry.get_sample_value("loadtest_errors_total", {**LABELS, "kind": "status"}) == run.run.errors["status"]
    assert run.run.latency is not None
    p99 = registry.get_sample_value("loadtest_latency_seconds", {**LABELS, "quantile": "0.99"})
    assert p99 == run.run.latency.quantiles[0.99]


def test_only_wrk_corrects_for_coordinated_omission() -> None:
    values = {labelled(name).label_values[-1] for name in ("ab_keep_alive.txt", "hey.txt")}

    assert values == {"false"}


def test_what_a_tool_does_not_tell_is_absent() -> None:
    registry = CollectorRegistry()
    registry.register(LoadTestCollector([labelled("wrk_no_answers.txt")]))

    assert registry.get_sample_value("loadtest_requests_total", LABELS) == 0
    assert registry.get_sample_value("loadtest_latency_mean_seconds", LABELS) is None
    assert registry.get_sample_value("loadtest_keep_alive_requests_total", LABELS) is None


def test_openmetrics_text_has_the_end_of_each_run() -> None:
    text = openmetrics_text([labelled("wrk_latency.txt"), labelled("ab_keep_alive.txt", "8", 1_795_455_900.0)])
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    ends = {(sample.labels["run_id"], float(sample.timestamp)) for sample in samples if sample.timestamp}
    assert ends == {("7", 1_795_455_828.5), ("8", 1_795_455_900.0)}
    assert all(sample.timestamp for sample in samples)


def test_a_url_is_shown_without_password_and_query() -> None:
    run = LoadTestRun(Tool.WRK, 1.0, 1, 1.0, None, {}, url="http://anne:secret@shop:80/pay?token=secret")
    text = openmetrics_text([LabelledRun(run, "7", "")])

    assert 'url="http://shop:80/pay"' in text and "secret" not in text


def test_the_script_of_wrk_works_with_the_wrk_of_this_machine() -> None:
    wrk = need_program("wrk")
    with page_server() as page:
        page.show(b"ahoy")
        command = [wrk, "-t1", "-c1", "-d1s", "-s", str(WRK_SCRIPT), page.url]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    run = parse_run(output)

    assert f" {run.requests} requests in" in output and run.requests > 0
    assert run.latency is not None and run.latency.minimum is not None and 0.9999 in run.latency.quantiles
