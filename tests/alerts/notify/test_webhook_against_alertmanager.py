"""A real Alertmanager is given alerts and posts a webhook: ours for the same alerts must say the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from http_sink import http_sink
from peers import find_peer

from alerts.notify.grouping import NotificationReason, alert_order
from alerts.notify.route import SingleRoute
from alerts.notify.webhook_body import GroupMessage, NotifiedAlert, webhook_body
from alerts.stored_labels import alertmanager_fingerprint
from monitor.model.durations import rfc3339
from monitor.model.labels import Labels

CONFIG = """
route: {{receiver: team.db+, group_by: [alertname], group_wait: 500ms, group_interval: 1s}}
receivers: [{{name: team.db+, webhook_configs: [{{url: "{url}"}}]}}]
"""
LABEL_SETS = (
    {"alertname": "Down", "instance": "b:1", "job": "api", "severity": "page"},
    {"alertname": "Down", "instance": "a:1", "job": "web", "severity": "page", "quoted": 'a"b\\c\nü'},
    {"alertname": "Down", "instance": "a:1", "job": "api", "severity": "page"},
    {"alertname": "Down", "severity": "page", "zone": "<&>"},
)


@contextmanager
def alertmanager(directory: Path, url: str) -> Iterator[str]:
    (directory / "alertmanager.yml").write_text(CONFIG.format(url=url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        find_peer("ALERTMANAGER"),
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--web.external-url=http://us/base",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until_it_listens(process)
            yield f"http://{address}/base"
        finally:
            process.terminate()
            process.communicate()


def wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    """Skips the test if it does not, as where a distribution's Alertmanager lacks its template files."""
    assert process.stderr is not None, "BUG: got no pipe for the log"
    log = ""
    for line in process.stderr:
        log += line
        if "Listening on" in line:
            return
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"alertmanager does not start here: {log}")


def post(url: str, alerts: list[dict[str, object]]) -> None:
    request = urllib.request.Request(
        f"{url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def theirs_alert(number: int, starts_at_ms: int, ends_at_ms: int) -> dict[str, object]:
    """One element of what `/api/v2/alerts` takes."""
    return {
        "labels": LABEL_SETS[number],
        "annotations": {"summary": f"{number}", "same": "x"},
        "startsAt": rfc3339(starts_at_ms),
        "endsAt": rfc3339(ends_at_ms),
        "generatorURL": "http://g/?x=<1>",
    }


def our_alert(number: int, starts_at_ms: int, ends_at_ms: int | None) -> NotifiedAlert:
    labels = Labels(LABEL_SETS[number])
    annotations = {"summary": f"{number}", "same": "x"}
    fingerprint = alertmanager_fingerprint(labels)
    return NotifiedAlert(labels, annotations, starts_at_ms, ends_at_ms, "http://g/?x=<1>", fingerprint)


def our_body(alerts: list[NotifiedAlert], reason: NotificationReason) -> dict[str, object]:
    alerts.sort(key=lambda alert: alert_order(alert.labels))
    (group,) = SingleRoute("team.db+").routes(alerts[0].labels)
    message = GroupMessage(group.receiver, group.group_key, group.group_labels, reason, "http://us/base", alerts)
    body: dict[str, object] = json.loads(webhook_body(message, 0, 2**20))
    return body


def test_our_webhooks_say_what_alertmanagers_say(tmp_path):
    everyone = range(len(LABEL_SETS))

    with http_sink() as sink, alertmanager(tmp_path, sink.url) as address:
        # Now, for it does not wait for the rest of a group if an alert began longer ago than group_wait.
        starts_ms = time.time_ns() // 1_000_000
        post(address, [theirs_alert(number, starts_ms, starts_ms + 600_000) for number in everyone])
        first = sink.posted.get(timeout=10).body
        ends_ms = time.time_ns() // 1_000_000
        post(address, [theirs_alert(0, starts_ms, ends_ms)])
        second = sink.posted.get(timeout=10).body

    firing = our_body(
        [our_alert(number, starts_ms, None) for number in everyone], NotificationReason.FIRST_NOTIFICATION
    )
    some = [our_alert(number, starts_ms, None if number else ends_ms) for number in everyone]
    resolved = our_body(some, NotificationReason.SOME_RESOLVED)
    assert first == {name: firing[name] for name in first}
    assert second == {name: resolved[name] for name in second}
    assert {"version", "groupKey", "alerts", "commonLabels", "receiver", "truncatedAlerts"} <= set(first)
