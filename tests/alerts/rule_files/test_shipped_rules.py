"""The rules of alerts/rule_files: promtool takes them and their unit tests, and so do we."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from peers import find_peer

from alerts.load_rules import check_rule_files
from alerts.rules import AlertingRule

RULE_FILES = sorted((Path(__file__).parents[3] / "alerts" / "rule_files").glob("*.yml"))
TESTS = {file.stem: Path(__file__).parent / f"{file.stem}_test.yml" for file in RULE_FILES}
each_file = pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)


def promtool(*arguments: str) -> tuple[int, str]:
    command = [find_peer("PROMTOOL"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def alerting_rules(file: Path) -> list[AlertingRule]:
    groups = check_rule_files([str(file)]).groups
    return [rule for group in groups for rule in group.rules if isinstance(rule, AlertingRule)]


@each_file
def test_promtool_takes_the_rules_and_finds_nothing_to_mend(file: Path) -> None:
    code, output = promtool("check", "rules", "--lint=all", "--lint-fatal", str(file))

    assert code == 0, output


@each_file
def test_the_unit_tests_of_the_rules_hold(file: Path) -> None:
    code, output = promtool("test", "rules", str(TESTS[file.stem]))

    assert code == 0, output


@each_file
def test_we_take_the_rules(file: Path) -> None:
    assert check_rule_files([str(file)]).problems == ()


@each_file
def test_every_alert_fires_in_a_unit_test(file: Path) -> None:
    tests = yaml.safe_load(TESTS[file.stem].read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test.get("alert_rule_test", ()) if case["exp_alerts"]}

    assert {rule.name for rule in alerting_rules(file)} - fired == set()


@each_file
def test_every_alert_says_what_and_why_and_whom(file: Path) -> None:
    text = yaml.safe_load(file.read_text())
    alerts = [rule for group in text["groups"] for rule in group["rules"] if "alert" in rule]

    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket", "none"), rule["alert"]


def test_the_metrics_of_the_exporters_have_the_names_the_rules_use() -> None:
    exporters = Path(__file__).parents[3] / "exporters"
    sources = "".join(file.read_text() for file in exporters.rglob("*.py"))
    rules = "".join(file.read_text() for file in RULE_FILES)
    used = set(re.findall(r"\b((?:server|tcp|ephemeral|process|probe|node|runtime)_[a-z_]+[a-z])\b(?!:)", rules))
    stems = {re.sub("_(total|sum|bucket|count)$", "", name) for name in used}

    assert len(stems) > 25
    built = {"node_memory_", "node_vmstat_"}  # the rest of these names is the kernel's
    unknown = {name for name in stems if not name.startswith(tuple(built)) and name not in sources}
    assert unknown - {"node_exporter"} == set()
