"""A load test beside a service that scrapes the server: its figures are what the service has stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from load_tested import measured_server, run_load_test
from service_process import running_service
from toolchains import need_program

CONFIG = """\
scrape_configs:
  - job_name: shop
    scrape_interval: 1s
    vocabulary: true
    fallback_scrape_protocol: PrometheusText0.0.4
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
    metric_relabel_configs: {relabeling}
"""
# A scrape that loses the smallest bucket and the bytes.
LOSSY = """
      - {source_labels: [__name__, le], regex: '.*_bucket;0.0001', action: drop}
      - {source_labels: [__name__], regex: http_server_sent_bytes_total, action: drop}
"""


def figures(folder: Path, relabeling: str) -> tuple[int, dict[str, Any]]:
    need_program("wrk")
    with measured_server() as port, running_service(folder, CONFIG.format(port=port, relabeling=relabeling)) as service:
        done = run_load_test(
            *("--url", f"http://127.0.0.1:{port}", "--scenario", "flash-sale", "--seconds", "2"),
            *("--connections", "8", "--server", service.client.url, "--json"),
        )
    assert done.stdout, done.stderr
    data = {name: value for name, value in json.loads(done.stdout).items() if isinstance(value, dict)}
    return done.returncode, data


def test_what_the_service_has_stored_is_what_the_server_has_shown(tmp_path: Path) -> None:
    _, data = figures(tmp_path, "[]")

    assert data["service"]["last_scrape"] - data["service"]["first_scrape"] >= 2
    for name in ("requests", "bytes", "connections", "latency_average", "latency_p50", "latency_p99", "cpu", "memory"):
        assert data[name]["stored_as_shown"] is True, (name, data[name])
    assert data["requests"]["rest"] == data["connections"]["rest"] == 0
    assert data["memory_max"]["plimsoll"] is not None


def test_a_service_that_has_stored_something_else_differs(tmp_path: Path) -> None:
    code, data = figures(tmp_path, LOSSY)

    assert code == 1
    for name in ("latency_p50", "bytes", "throughput"):
        assert data[name]["stored_as_shown"] is data[name]["agrees"] is False, (name, data[name])
    assert data["requests"]["stored_as_shown"] is data["latency_average"]["stored_as_shown"] is True
