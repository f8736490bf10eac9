"""The replicas as Prometheus service discovery reads them (file_sd), so that each can be scraped by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from alerts.autoscale.processes.state_file import write_atomically


def targets_text(policy: str, replicas: Sequence[tuple[int, int]]) -> str:
    """One target group for each (number, port), with the labels `policy` and `replica`."""
    groups = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"policy": policy, "replica": str(number)}}
        for number, port in sorted(replicas)
    ]
    return json.dumps(groups, indent=1) + "\n"


def write_targets(path: Path, policy: str, replicas: Sequence[tuple[int, int]]) -> None:
    """Replaces the file as a whole: a reader never sees half a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, targets_text(policy, replicas))
