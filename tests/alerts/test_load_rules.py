from __future__ import annotations

from textwrap import dedent

import pytest

from alerts.load_rules import RuleDefaults, check_rule_files, load_rule_files, read_rules
from alerts.rules import AlertingRule, RecordingRule
from monitor.config.scrape_config import NameValidation
from monitor.errors import ConfigError
from monitor.promql.features import Features


def problems(text: str, defaults: RuleDefaults | None = None) -> list[str]:
    """`line path: message` for everything wrong with a file."""
    found = read_rules(dedent(text), defaults or RuleDefaults())
    return [f"{problem.line} {problem.path}: {problem.message}" for problem in found.problems]


def test_a_file_is_read_whole():
    found = read_rules(
        """
groups:
- name: g
  interval: 30s
  limit: 5
  query_offset: 10s
  labels: {team: db, severity: none}
  rules:
  - record: job:errors:rate5m
    expr: sum by(job)(rate(errors_total[5m]))
    labels: {severity: page, gone: ""}
  - alert: Errors
    expr: job:errors:rate5m>1
    for: 1m
    keep_firing_for: 2m
    labels: {severity: page}
    annotations: {summary: "{{ $value }}", note: plain}
""",
        file="rules.yml",
    )

    (group,) = found.groups
    assert (group.key, group.interval_ms, group.limit, group.query_offset_ms) == ("rules.yml;g", 30_000, 5, 10_000)
    recording, alerting = group.rules
    assert recording == RecordingRule(
        "job:errors:rate5m",
        "sum by (job) (rate(errors_total[5m]))",
        (("gone", ""), ("severity", "page"), ("team", "db")),
    )
    assert isinstance(alerting, AlertingRule)
    assert (alerting.expression, alerting.for_ms, alerting.keep_firing_for_ms) == (
        "job:errors:rate5m > 1",
        60_000,
        120_000,
    )
    assert alerting.label_texts == (("severity", "page"), ("team", "db"))
    assert [(name, template.text) for name, template in alerting.annotations] == [
        ("note", "plain"), ("summary", "{{ $value }}"),
    ]  # fmt: skip


def test_defaults_come_from_the_global_configuration():
    found = read_rules("groups: [{name: g, interval: 0s}]", RuleDefaults(interval_ms=15_000, query_offset_ms=5))

    assert (found.groups[0].interval_ms, found.groups[0].query_offset_ms, found.groups[0].limit) == (15_000, 5, 0)


def test_all_mistakes_are_told_at_once_with_line_and_path():
    assert problems(
        """\
        groups:
        - name: g
          intervall: 1m
          rules:
          - alert: A
            expr: sum(
            for: 5 minutes
            annotations:
              summary: "{{ nope }}"
          - record: a{b}
            expr: up
            for: 5m
            annotations: {x: y}
        - name: g
          rules:
          - expr: up
          - {record: r, alert: A, expr: up}
          - {alert: B, labels: {__name__: x}}
        """
    ) == [
        "3 groups[0].intervall: unknown key, did you mean interval?",
        "6 groups[0].rules[0].expr: could not parse expression: 1:5: parse error: unclosed left parenthesis",
        "7 groups[0].rules[0].for: got '5 minutes', want a duration such as 30s, 1h30m or 200ms",
        '9 groups[0].rules[0].annotations.summary: template: __alert_A:1: function "nope" not defined',
        "10 groups[0].rules[1].record: got 'a{b}', want a name without braces: labels belong under `labels`",
        "12 groups[0].rules[1].for: got it in a recording rule, want it in alerting rules only",
        "13 groups[0].rules[1].annotations: got it in a recording rule, want it in alerting rules only",
        "14 groups[1].name: got the group 'g' again, it is already on line 2",
        "16 groups[1].rules[0]: got neither record nor alert, want exactly one of them",
        "17 groups[1].rules[1].alert: got record and alert, want exactly one of them",
        "18 groups[1].rules[2].labels.__name__: got '__name__', want a valid label name other than __name__",
        "18 groups[1].rules[2].expr: missing, want it to be set",
    ]


def test_a_value_that_is_no_text_is_told_once():
    rule = "{alert: A, expr: up, labels: [x], annotations: {y: [z]}}"

    assert problems(f"groups: [{{name: g, rules: [{rule}]}}]") == [
        "1 groups[0].rules[0].labels: got a list, want a mapping",
        "1 groups[0].rules[0].annotations.y: got a list, want a single value",
    ]


def test_the_position_of_a_mistake_in_a_long_expression_is_in_the_message():
    text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      sum(up)\n        >> 5\n"

    assert problems(text) == [
        "5 groups[0].rules[0].expr: could not parse expression: 2:4: parse error: unexpected <op:>>"
    ]


def test_names_can_be_held_to_the_legacy_characters():
    text = """
        groups:
        - name: g
          rules:
          - {record: "a b", expr: up, labels: {"c d": e}}
          - {alert: "A B", expr: up, annotations: {"e f": g}}
        """

    assert problems(text) == []
    assert [line.split(": ")[1] for line in problems(text, RuleDefaults(name_validation=NameValidation.LEGACY))] == [
        "got 'c d', want a valid label name other than __name__",
        "got 'a b', want a valid metric name",
        "got 'e f', want a valid annotation name",
    ]


def test_experimental_functions_need_their_feature():
    text = "groups: [{name: g, rules: [{record: r, expr: 'limitk(2, up)'}]}]"

    assert len(problems(text)) == 1
    assert problems(text, RuleDefaults(features=Features(promql_experimental_functions=True))) == []


def test_a_label_of_the_group_that_is_no_template_is_said_in_each_alert():
    found = read_rules("groups: [{name: g, labels: {x: '{{'}, rules: [{alert: A, expr: up}]}]")

    ((name, template),) = found.groups[0].rules[0].labels
    assert (name, template.text.startswith("<error expanding template: error parsing template __alert_A")) == (
        "x",
        True,
    )


def test_rules_have_keys_that_survive_edits_of_everything_but_name_and_labels():
    def keys(rules: str) -> tuple[str, ...]:
        return read_rules(f"groups: [{{name: g, rules: [{rules}]}}]").groups[0].rule_keys()

    before = keys("{alert: A, expr: up}, {alert: A, expr: down}, {alert: A, expr: up, labels: {x: y}}")
    after = keys("{alert: A, expr: other, for: 5m}, {alert: B, expr: up}, {alert: A, expr: up, labels: {x: y}}")

    assert len(set(before)) == 3
    assert (after[0], after[2]) == (before[0], before[2])


def test_files_are_found_by_patterns_and_each_is_read_once(tmp_path):
    for name in ("b.yml", "a.yml", "c.txt"):
        (tmp_path / name).write_text(f"groups: [{{name: {name[0]}}}]")

    groups = load_rule_files((f"{tmp_path}/*.yml", f"{tmp_path}/a.yml", f"{tmp_path}/none*"))

    assert [group.key for group in groups] == [f"{tmp_path}/a.yml;a", f"{tmp_path}/b.yml;b"]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "a.yml").write_text("groups: [{}]")
    (tmp_path / "b.yml").write_text("groups: {")

    with pytest.raises(ConfigError) as caught:
        load_rule_files((f"{tmp_path}/*.yml",))

    assert [problem.file for problem in caught.value.problems] == [f"{tmp_path}/a.yml", f"{tmp_path}/b.yml"]


def test_checking_counts_what_is_in_the_files(tmp_path):
    (tmp_path / "a.yml").write_text("groups: [{name: g, rules: [{record: a, expr: up}, {record: b, expr: up}]}]")

    found = check_rule_files([f"{tmp_path}/a.yml", f"{tmp_path}/none.yml"])

    assert (len(found.groups), found.rules) == (1, 2)
    assert [str(problem) for problem in found.problems] == [
        f"{tmp_path}/none.yml: cannot be read: No such file or directory"
    ]
