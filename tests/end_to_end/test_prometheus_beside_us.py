"""A real Prometheus scrapes a target and sends everything to us: what promtool prints about both is the same.

tests/monitor/api/test_against_prometheus.py compares many more answers, of the API alone.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from api_server import ApiClient
from peers import find_peer
from prometheus_process import running_prometheus
from scraped_fleet import METRIC, scraped_fleet
from service_process import running_service, wait_until

SERIES = 30
REMOTE_WRITE = """
remote_write:
- url: {url}/api/v1/write
  queue_config: {{batch_send_deadline: 200ms}}
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Clients of us and of Prometheus, and a time at which both have the same history."""

    ours: ApiClient
    theirs: ApiClient
    at: int


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Pair]:
    with (
        scraped_fleet(SERIES) as fleet,
        running_service(tmp_path_factory.mktemp("service"), "{}") as service,
        running_prometheus(
            tmp_path_factory.mktemp("prometheus"),
            config=fleet.scrape_configs(1, 250) + REMOTE_WRITE.format(url=service.client.url),
        ) as peer,
    ):
        wait_until(lambda: (service.value("min(count_over_time(up[1m]))") or 0) > 12)
        at = int(time.time())
        wait_until(lambda: (service.value("max(timestamp(up))") or 0) > at + 1)
        yield Pair(service.client, ApiClient(f"http://127.0.0.1:{peer.port}"), at)


def promtool(*arguments: str) -> str:
    """What it prints; it must succeed."""
    command = [find_peer("PROMTOOL"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=30)
    return done.stdout


@pytest.mark.parametrize(
    ("command", "expression"),
    [
        ("instant", METRIC),
        ("instant", f"{METRIC}{{series='7'}}[2s]"),
        ("instant", f"sum by (group) (rate({METRIC}[2s]))"),
        ("instant", "scrape_duration_seconds"),
        ("range", f"sum by (group) ({METRIC})"),
        ("range", f"max_over_time({METRIC}[1s])"),
        ("labels", "group"),
        ("labels", "__name__"),
        ("series", METRIC),
        ("series", "{__name__=~'.+'}"),
    ],
)
def test_promtool_prints_the_same_for_both(pair, command, expression):
    times = {"instant": [f"--time={pair.at}"], "range": [f"--start={pair.at - 2}", f"--end={pair.at}", "--step=1s"]}

    def shown(client: ApiClient) -> list[str]:
        query = [f"--match={expression}", client.url] if command == "series" else [client.url, expression]
        lines = promtool("query", command, *times.get(command, []), *query).splitlines()
        # Prometheus gives the series of one selector in the order in which they came into being.
        return sorted(lines) if command == "series" else lines

    assert shown(pair.ours) == shown(pair.theirs)
    assert shown(pair.ours)


@pytest.mark.parametrize("question", ["healthy", "ready"])
def test_promtool_finds_the_service(pair, question):
    assert "SUCCESS" in promtool("check", question, f"--url={pair.ours.url}")


def test_the_sender_lost_nothing(pair):
    sent = pair.theirs.get("query", query=f"count_over_time({METRIC}[1h])", time=str(pair.at)).data["result"]
    kept = pair.ours.get("query", query=f"count_over_time({METRIC}[1h])", time=str(pair.at)).data["result"]
    assert sorted(kept, key=str) == sorted(sent, key=str)
    assert len(kept) == SERIES
