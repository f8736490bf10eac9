"""docs/metrics.md names every metric of a running service, and no other."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def test_the_page_is_what_a_service_with_rules_exposes(service):
    service.client.get("rules")  # answered once rules are in force
    exposed = service.client.request("GET", "/metrics").body.decode()

    types = dict(re.findall(r"^# TYPE (plimsoll_\S+) (\S+)", exposed, re.MULTILINE))
    helps = re.findall(r"^# HELP (plimsoll_\S+) (.*)", exposed, re.MULTILINE)
    rows = [(name, types[name], text) for name, text in helps if not name.endswith("_created")]

    documented = re.findall(r"^\| `(plimsoll_\w+)` \| (\w+) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert sorted(documented) == sorted(rows)
