"""A real Prometheus evaluates the same rules: `/api/v1/rules` and `/api/v1/alerts` must have our shape and content."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from alert_timeline import AlertTimeline
from prometheus_process import running_prometheus

from alerts.api.rule_shapes import RuleFilter, alerts_json, rules_json

RULES = """
groups:
- name: g
  interval: 1s
  limit: 7
  labels: {team: x}
  rules:
  - {record: one, expr: "vector( 1 )", labels: {a: b, e: ""}}
  - alert: Fires
    expr: one>0
    for: 1s
    keep_firing_for: 1h
    labels: {severity: page}
    annotations: {summary: "v {{ $value }}", plain: text}
  - {alert: Waits, expr: one, for: 1h}
  - {alert: Fails, expr: one * on() (one or vector(2))}
  - {record: string, expr: '"x"'}
  - {alert: Never, expr: nothing}
"""
# What differs from run to run, and messages of the engine, which is not what is tested here.
VOLATILE = frozenset({"activeAt", "lastEvaluation", "evaluationTime", "file", "lastError"})


def without_volatile(value: Any) -> Any:
    """The same with each such value replaced by the name of its type."""
    if isinstance(value, dict):
        return {
            name: type(each).__name__ if name in VOLATILE else without_volatile(each) for name, each in value.items()
        }
    return [without_volatile(each) for each in value] if isinstance(value, list) else value


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as response:
        return json.loads(response.read())["data"]


def wait_until_firing(port: int) -> None:
    for _ in range(200):
        states = [alert["state"] for alert in get(port, "alerts")["alerts"]]
        if "firing" in states:
            return
        time.sleep(0.05)
    raise AssertionError("Prometheus had no firing alert within 10 seconds")


def test_the_rules_and_alerts_of_prometheus_look_like_ours(tmp_path):
    (tmp_path / "rules.yml").write_text(RULES)
    config = f"rule_files: ['{tmp_path}/rules.yml']\n"
    story = AlertTimeline(RULES, tmp_path)
    story.at("2s").expect_firing('{a="b", alertname="Fires", severity="page", team="x"}')

    with running_prometheus(tmp_path, config=config) as prometheus:
        wait_until_firing(prometheus.port)
        rules, alerts = get(prometheus.port, "rules"), get(prometheus.port, "alerts")

    statuses = [story.state.status]
    assert without_volatile(rules) == without_volatile(json.loads(json.dumps(rules_json(statuses, RuleFilter()))))
    assert without_volatile(alerts) == without_volatile(json.loads(json.dumps(alerts_json(statuses))))
