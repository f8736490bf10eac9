"""The same rules over the same samples in `promtool test rules`: it must agree on what fires at each minute."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import yaml
from alert_timeline import START_MS, AlertTimeline
from memory_reader import parse_values
from peers import find_peer

from alerts.alert_state import AlertState

MINUTES = 30
ALERTS = (
    {"alert": "Plain", "expr": "m > 0"},
    {"alert": "Waits", "expr": "m > 0", "for": "3m"},
    {"alert": "Keeps", "expr": "m > 0", "keep_firing_for": "4m"},
    {"alert": "Both", "expr": "m > 0", "for": "2m", "keep_firing_for": "3m", "labels": {"severity": "page"}},
    {"alert": "Between", "expr": "m > 0", "for": "90s", "annotations": {"text": "{{ $labels.job }} is {{ $value }}"}},
    {"alert": "Chained", "expr": 'ALERTS{alertname="Waits", alertstate="firing"}', "for": "2m"},
)


def series(seed: int) -> str:
    """Runs of up to six minutes of one value, of a gap, or of nothing after a stale marker."""
    chance = random.Random(seed)
    items: list[str] = []
    while len(items) < MINUTES:
        run = chance.randint(1, 6)
        items += [chance.choice(["0", "1", "2", "_", "stale"])] * run
    return " ".join(items[:MINUTES])


def test_promtool_agrees_on_what_fires_at_each_minute(tmp_path: Path):
    rules = {"groups": [{"name": "g", "interval": "1m", "rules": list(ALERTS)}]}
    loads = {f'm{{job="{seed}"}}': series(seed) for seed in range(6)}
    story = AlertTimeline(yaml.safe_dump(rules), tmp_path)
    for name, text in loads.items():
        from_start = {START_MS + index * 60_000: value for index, value in parse_values(text)}
        story.memory.add({"__name__": "m", "job": name.split('"')[1]}, from_start)

    checks = [check for minute in range(MINUTES) for check in expectations(story, minute)]

    assert run_promtool(tmp_path, rules, loads, checks) == ""


def expectations(story: AlertTimeline, minute: int) -> list[dict[str, object]]:
    firing = story.at(f"{minute}m").alerts(AlertState.FIRING)
    return [
        {
            "eval_time": f"{minute}m",
            "alertname": rule["alert"],
            "exp_alerts": [
                {
                    "exp_labels": dict(labels.without("alertname")),
                    "exp_annotations": dict(alert.annotations),
                }
                for labels, alert in firing.items()
                if labels["alertname"] == rule["alert"]
            ],
        }
        for rule in ALERTS
    ]


def run_promtool(directory: Path, rules: object, loads: dict[str, str], checks: list[dict[str, object]]) -> str:
    """What it complains about."""
    (directory / "rules.yml").write_text(yaml.safe_dump(rules))
    inputs = [{"series": name, "values": text} for name, text in loads.items()]
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": checks}
    (directory / "test.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]})
    )
    command = [find_peer("PROMTOOL"), "test", "rules", str(directory / "test.yml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr
