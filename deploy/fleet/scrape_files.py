"""Files that make a monitor watch the fleet: targets, and a configuration that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from deploy.fleet.servers import SERVERS
from deploy.fleet.state import Files, RunningServer

_SERVERS = {server.name: server for server in SERVERS}


def write_scrape_files(files: Files, servers: Iterable[RunningServer]) -> None:
    """Writes targets.json (Prometheus's file_sd format) and plimsoll.yml."""
    files.targets.write_text(json.dumps(target_groups(servers), indent=1) + "\n")
    files.config.write_text(config_text(files))


def target_groups(servers: Iterable[RunningServer]) -> list[dict[str, object]]:
    """One group for each server, because each has labels of its own."""
    return [
        {
            "targets": [f"127.0.0.1:{running.place.metrics_port}"],
            "labels": {
                "server": running.name,
                "runtime": _SERVERS[running.name].runtime,
                "framework": _SERVERS[running.name].framework,
                "address": f"127.0.0.1:{running.place.port}",
            },
        }
        for running in servers
    ]


def config_text(files: Files) -> str:
    """A JSON string is a YAML string, too."""
    return f"""\
# Written by `make fleet`.
global:
  scrape_interval: 1s
  scrape_timeout: 1s

scrape_configs:
  - job_name: fleet
    vocabulary: true
    file_sd_configs:
      - files: [{json.dumps(str(files.targets.absolute()))}]
        refresh_interval: 5s
"""
