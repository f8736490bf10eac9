"""Each line of templates.txt, judged and rendered by promtool and by us."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from alert_templates import ALERT, EXTERNAL_LABELS, EXTERNAL_URL, LABELS, SERIES, VALUE, expand
from peers import find_peer

from monitor.errors import TemplateError

TEMPLATES = [
    line for line in (Path(__file__).parent / "templates.txt").read_text().split("\n") if line and line[0] != "#"
]


def write_rules(directory: Path, templates: dict[str, str]) -> None:
    rule = {"alert": ALERT, "expr": "v", "annotations": templates}
    (directory / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))


def promtool(directory: Path, *arguments: str) -> str:
    """What it complains about; nothing if it is content."""
    command = [find_peer("PROMTOOL"), *arguments]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def refusals(templates: dict[str, str]) -> dict[str, str]:
    """Why we cannot parse some of them."""
    reasons = {}
    for name, text in templates.items():
        try:
            expand(text)
        except TemplateError as error:
            reasons[name] = str(error)
    return reasons


def series_text(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{pairs}}}"


@pytest.fixture
def templates() -> dict[str, str]:
    return {f"a{number:03d}": text for number, text in enumerate(TEMPLATES)}


def test_promtool_refuses_the_same_templates_for_the_same_reasons(tmp_path, templates):
    write_rules(tmp_path, templates)

    output = promtool(tmp_path, "check", "rules", "rules.yml")

    assert dict(re.findall(r'annotation "(a\d+)": (.*)', output)) == refusals(templates)


def test_promtool_renders_the_others_to_the_same_text(tmp_path, templates):
    refused = refusals(templates)
    templates = {name: text for name, text in templates.items() if name not in refused}
    write_rules(tmp_path, templates)
    rendered = {name: expand(text) for name, text in templates.items()}
    alert = {"exp_labels": {"job": LABELS["job"]}, "exp_annotations": rendered}
    test = {
        "interval": "1m",
        "external_labels": EXTERNAL_LABELS,
        "external_url": EXTERNAL_URL,
        "input_series": [
            {"series": series_text(labels), "values": f"{value!r}x1"} for labels, value in (*SERIES, (LABELS, VALUE))
        ],
        "alert_rule_test": [{"eval_time": "1m", "alertname": ALERT, "exp_alerts": [alert]}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))

    assert promtool(tmp_path, "test", "rules", "test.yml") == ""
