from __future__ import annotations

import pytest
from config_problems import load_text, problems_of

from monitor.config.scrape_config import NameValidation, RelabelAction, RelabelRule


def rules_of(text: str) -> tuple[RelabelRule, ...]:
    return load_text(f"scrape_configs: [{{job_name: a, relabel_configs: [{text}]}}]").scrape_configs[0].relabel_configs


def rule_problems(text: str, validation: str = "utf8") -> list[str]:
    found = problems_of(
        f"scrape_configs: [{{job_name: a, metric_name_validation_scheme: {validation}, relabel_configs: [{text}]}}]"
    )
    return [line.removeprefix("1 scrape_configs[0].relabel_configs[0].") for line in found]


def test_a_rule_has_the_defaults_of_prometheus():
    assert rules_of("{target_label: a}") == (
        RelabelRule(RelabelAction.REPLACE, (), ";", "(.*)", 0, "a", "$1", name_validation=NameValidation.UTF8),
    )


def test_keys_written_without_a_value_are_empty_texts():
    rule = rules_of("{target_label: a, separator: , regex: , replacement: }")[0]

    assert (rule.separator, rule.regex, rule.replacement) == ("", "", "")


def test_an_action_may_be_written_in_any_case():
    assert [rule.action for rule in rules_of("{action: LabelDrop}, {action: KEEP}")] == [
        RelabelAction.LABELDROP,
        RelabelAction.KEEP,
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{action: , target_label: a}", "action: got nothing, want an action"),
        ("{action: sort, target_label: a}", "action: got 'sort', want replace, keep, drop, keepequal, dropequal, "
         "hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase"),
        ("{}", "target_label: missing, want it to be set for replace"),
        ("{action: lowercase}", "target_label: missing, want it to be set for lowercase"),
        ("{action: hashmod, target_label: a}", "modulus: got 0, want a modulus above 0 for hashmod"),
        ("{action: hashmod, target_label: a, modulus: -1}", "modulus: got -1, want at least 0"),
        ("{target_label: a, regex: '('}",
         "regex: got '(', want a regular expression: error parsing regexp: missing ): ("),
        ("{action: keepequal, target_label: a, regex: (.*)}",
         "regex: want it left out: keepequal reads only source_labels and target_label"),
        ("{action: dropequal, target_label: a, separator: ','}",
         "separator: want it left out: dropequal reads only source_labels and target_label"),
        ("{action: keepequal, target_label: a, modulus: 1}",
         "modulus: want it left out: keepequal reads only source_labels and target_label"),
        ("{action: uppercase, target_label: a, replacement: x}",
         "replacement: want it left out: uppercase reads only source_labels, separator and target_label"),
        ("{action: labeldrop, source_labels: []}", "source_labels: want it left out: labeldrop reads only regex"),
        ("{action: labelkeep, target_label: a}", "target_label: want it left out: labelkeep reads only regex"),
        ("{action: labelmap, replacement: ''}", "replacement: got '', want a non-empty label name"),
        ("{action: keep, sourcelabels: [a]}", "sourcelabels: unknown key, did you mean source_labels?"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_named(text, problem):
    assert rule_problems(text) == [problem]


@pytest.mark.parametrize("name", ["a-b", "1a", "$", "a$", "${a", "$1-b", "${a}-b"])
def test_under_legacy_names_a_target_is_a_legacy_name_or_a_template_for_one(name):
    assert rule_problems(f"{{target_label: '{name}'}}", "legacy") == [
        f"target_label: got '{name}', want a legacy label name"
    ]
    assert rule_problems(f"{{target_label: '{name}'}}") == []


@pytest.mark.parametrize("name", ["a", "_1", "${1}", "$1_x", "a${name}1", "${a}${b}_c"])
def test_legacy_templates_are_accepted(name):
    assert rule_problems(f"{{target_label: '{name}'}}", "legacy") == []
    assert rule_problems(f"{{action: labelmap, replacement: '{name}'}}", "legacy") == []


def test_a_legacy_template_is_judged_in_linear_time():
    name = "$a1" * 5_000 + "-"

    assert len(rule_problems(f"{{target_label: '{name}'}}", "legacy")) == 1
