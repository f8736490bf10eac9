"""A real Prometheus scrapes itself and writes everything to us: both answer the same about it."""

from __future__ import annotations

import json
import time

import pytest
from api_server import ApiClient, open_context, serving
from prometheus_process import running_prometheus

CONFIG = """
global: {{scrape_interval: 1s}}
remote_write:
- url: {url}/api/v1/write
  queue_config: {{batch_send_deadline: 200ms, max_samples_per_send: 500}}
scrape_configs:
- job_name: self
  file_sd_configs:
  - files: ['{targets}']
    refresh_interval: 1s
"""
EXPRESSIONS = [
    "up",
    '{__name__=~".+"}',
    "count by (job, instance) ({__name__=~'.+'})",
    "count_over_time(up[10s])",
    "sum by (handler) (increase(prometheus_http_requests_total[10s]))",
    "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[10s])))",
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Clients of us and of the Prometheus that writes to us, and a time of which both know everything."""
    directory = tmp_path_factory.mktemp("prometheus")
    targets = directory / "targets.json"
    with open_context(tmp_path_factory.mktemp("store")) as context, serving(context) as ours:
        config = CONFIG.format(url=ours.url, targets=targets)
        with running_prometheus(directory, "--scrape.discovery-reload-interval=100ms", config=config) as process:
            targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{process.port}"]}]))
            peer = ApiClient(f"http://127.0.0.1:{process.port}")
            yield ours, peer, wait_for_scrapes(ours, 4)


def wait_for_scrapes(ours: ApiClient, scrapes: int) -> float:
    """The time of the last scrape but one, once there are so many: the last may still be on its way."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = ours.get("query", query="up[1h]").data["result"]
        if found and len(found[0]["values"]) >= scrapes:
            return found[0]["values"][-2][0]
        time.sleep(0.1)
    raise AssertionError("nothing was written")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_both_answer_the_same(both, expression):
    ours, peer, at = both
    mine, theirs = (client.get("query", query=expression, time=f"{at:.3f}") for client in (ours, peer))
    found, wanted = mine.data["result"], theirs.data["result"]
    assert len(found) > 0

    def by_labels(series):
        return sorted(series["metric"].items())

    assert sorted(found, key=by_labels) == sorted(wanted, key=by_labels)


def test_the_sender_saw_no_failure(both):
    _, peer, _ = both
    for metric in ("prometheus_remote_storage_samples_failed_total", "prometheus_remote_storage_samples_dropped_total"):
        answer = peer.get("query", query=f"sum({metric}) or vector(0)").data["result"]
        assert [series["value"][1] for series in answer] == ["0"]
