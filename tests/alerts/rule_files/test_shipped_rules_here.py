"""The unit tests of the shipped rules, which promtool runs in test_shipped_rules.py, run by our own engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_timeline import START_MS, AlertTimeline
from memory_reader import parse_series, parse_values

from alerts.alert_state import AlertState
from monitor.model.durations import parse_duration_ms

HERE = Path(__file__).parent
RULES = HERE.parents[2] / "alerts" / "rule_files"
# promtool's time begins at 0, that of the timeline does not; the end of a certificate is a point in time.
RESTS_ON_THE_BEGINNING = "a certificate is a ticket at first, then pages, also when it has ended"
# Longer ones take seconds here: the store in memory is made for short stories.
LONGEST_MS = 90 * 60_000


@dataclass(frozen=True, slots=True)
class Story:
    """One test of a file, for one group of its rules."""

    file: str
    group: dict[str, Any]
    test: dict[str, Any]
    interval: str

    def __str__(self) -> str:
        return f"{self.file} {self.group['name']}: {self.test['name']}"


def stories() -> Iterator[Story]:
    for file in sorted(HERE.glob("*_test.yml")):
        name = file.stem.removesuffix("_test")
        text = yaml.safe_load(file.read_text())
        groups = yaml.safe_load((RULES / f"{name}.yml").read_text())["groups"]
        for test in text["tests"]:
            if test["name"] == RESTS_ON_THE_BEGINNING or length_ms(test) > LONGEST_MS:
                continue
            for group in groups:
                yield Story(name, group, test, text["evaluation_interval"])


def length_ms(test: dict[str, Any]) -> int:
    return max(parse_duration_ms(case["eval_time"]) for case in test["alert_rule_test"])


def load(timeline: AlertTimeline, test: dict[str, Any]) -> None:
    step_ms = parse_duration_ms(test["interval"])
    for series in test["input_series"]:
        labels, _ = parse_series(series["series"])
        samples = {START_MS + index * step_ms: value for index, value in parse_values(str(series["values"]))}
        timeline.memory.add(labels, samples)


def in_order(alerts: Iterable[tuple[dict[str, str], dict[str, str]]]) -> list[tuple[dict[str, str], dict[str, str]]]:
    return sorted(alerts, key=lambda alert: sorted(alert[0].items()))


@pytest.mark.parametrize("story", list(stories()), ids=str)
def test_our_engine_fires_what_promtool_does(story: Story, tmp_path: Path) -> None:
    rules = {"groups": [{**story.group, "interval": story.interval}]}
    timeline = AlertTimeline(yaml.safe_dump(rules), tmp_path)
    load(timeline, story.test)
    names = {rule.get("alert") for rule in story.group["rules"]}
    cases = [case for case in story.test.get("alert_rule_test", ()) if case["alertname"] in names]

    for case in sorted(cases, key=lambda case: parse_duration_ms(case["eval_time"])):
        firing = timeline.at(case["eval_time"]).alerts(AlertState.FIRING)
        found = [
            (dict(labels.without("alertname")), dict(alert.annotations))
            for labels, alert in firing.items()
            if labels["alertname"] == case["alertname"]
        ]
        expected = [(each["exp_labels"], each["exp_annotations"]) for each in case["exp_alerts"]]
        assert in_order(found) == in_order(expected), case["alertname"]
