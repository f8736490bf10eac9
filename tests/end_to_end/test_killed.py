"""SIGKILL while it scrapes. tests/benchmarks/kill_under_load.py does this a hundred times under load."""

from __future__ import annotations

import time

from raw_samples import read_samples
from scraped_fleet import METRIC, scraped_fleet
from service_process import running_service, wait_until

INTERVAL_MS, SERIES = 200, 50
LOST_MS_MAX = 2_000
"""The commit interval is 1 s; the rest is for a busy machine."""


def test_what_was_scraped_before_the_last_commit_is_there_after_a_kill(tmp_path):
    with scraped_fleet(SERIES) as fleet, running_service(tmp_path, fleet.scrape_configs(1, INTERVAL_MS)) as service:
        started_ms = time.time_ns() // 1_000_000
        wait_until(lambda: (service.value(f"min(count_over_time({METRIC}[1m]))") or 0) > 2000 // INTERVAL_MS)
        killed_ms = time.time_ns() // 1_000_000
        service.kill()
        arrived = [int(at) for at in fleet.scrapes_ms()[0]]

        service.start()

        stored = read_samples(service.client, METRIC, started_ms - 1000, killed_ms)
        assert (stored.wrong(arrived), stored.torn()) == (0, 0)
        lost = set(arrived) - set(stored.made_ms.tolist())
        assert all(killed_ms - at < LOST_MS_MAX for at in lost)
        assert len(lost) < len(arrived)
        wait_until(lambda: service.value("up") == 1 and bool(fleet.scrapes_ms()))


def test_an_acknowledged_remote_write_survives_a_kill(tmp_path):
    with running_service(tmp_path, "{}") as service:
        at_ms = time.time_ns() // 1_000_000
        assert service.client.write([({"__name__": "pushed", "a": "b"}, {at_ms: 42.0})]).status == 204
        service.kill()

        service.start()

        assert service.value("pushed") == 42
