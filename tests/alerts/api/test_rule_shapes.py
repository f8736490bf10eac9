from __future__ import annotations

import json
import math

import pytest
from alert_timeline import AlertTimeline

from alerts.alert_state import Alert, AlertState
from alerts.api.rule_shapes import RuleFilter, alerts_json, exponent_text, rule_filter, rules_json
from alerts.group_state import GroupStatus, RuleHealth, RuleStatus
from alerts.rules import AlertingRule, RecordingRule, RuleGroup
from alerts.templates.expand import RuleTemplate
from monitor.errors import BadRequest
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp

AT_MS = 1_700_000_000_500
AT = "2023-11-14T22:13:20.5Z"
NEVER = "0001-01-01T00:00:00Z"
PAGE = RuleTemplate.of("page", "Down")
RULE = AlertingRule(
    "Down", "up == 0", 60_000, 1_500, (("severity", PAGE),), (("text", RuleTemplate.of("{{ $value }}", "Down")),)
)
ALERT = Alert(Labels({"alertname": "Down", "job": "a"}), {"text": "0"}, 0.0, AlertState.FIRING, AT_MS, AT_MS)
RECORDING = RecordingRule("r", "sum(up)", (("gone", ""), ("team", "db")))


def status(*rules: RuleStatus, name: str = "g", file: str = "rules.yml") -> GroupStatus:
    group = RuleGroup(name, file, 30_000, tuple(rule.rule for rule in rules), limit=5)
    return GroupStatus(group, rules, 0.25, AT_MS)


def names(data: dict[str, object]) -> list[str]:
    """`group.rule` for each rule in an answer."""
    return [f"{group['name']}.{rule['name']}" for group in data["groups"] for rule in group["rules"]]


def test_an_evaluated_group_has_prometheus_shape():
    evaluated = RuleStatus(RULE, RuleHealth.OK, "", 0.125, AT_MS, (ALERT,))
    failed = RuleStatus(RECORDING, RuleHealth.ERROR, "it is broken", 0.5, AT_MS)

    assert rules_json([status(evaluated, failed)], RuleFilter()) == {
        "groups": [
            {
                "name": "g",
                "file": "rules.yml",
                "interval": 30,
                "limit": 5,
                "evaluationTime": 0.25,
                "lastEvaluation": AT,
                "rules": [
                    {
                        "type": "alerting",
                        "state": "firing",
                        "name": "Down",
                        "query": "up == 0",
                        "duration": 60,
                        "keepFiringFor": 1.5,
                        "labels": {"severity": "page"},
                        "annotations": {"text": "{{ $value }}"},
                        "alerts": [
                            {
                                "labels": {"alertname": "Down", "job": "a"},
                                "annotations": {"text": "0"},
                                "state": "firing",
                                "activeAt": AT,
                                "value": "0e+00",
                            }
                        ],
                        "health": "ok",
                        "evaluationTime": 0.125,
                        "lastEvaluation": AT,
                    },
                    {
                        "type": "recording",
                        "name": "r",
                        "query": "sum(up)",
                        "labels": {"gone": "", "team": "db"},
                        "health": "err",
                        "lastError": "it is broken",
                        "evaluationTime": 0.5,
                        "lastEvaluation": AT,
                    },
                ],
            }
        ]
    }


def test_a_rule_that_was_never_evaluated_is_unknown():
    (group,) = rules_json([GroupStatus(status(RuleStatus(RULE)).group, (RuleStatus(RULE),))], RuleFilter())["groups"]

    (rule,) = group["rules"]
    assert (rule["state"], rule["health"], rule["lastEvaluation"], group["lastEvaluation"]) == (
        "unknown", "unknown", NEVER, NEVER,
    )  # fmt: skip


def test_alerts_of_all_rules_are_listed(tmp_path):
    rules = """
    groups:
    - name: g
      interval: 1m
      rules:
      - {alert: Fires, expr: x, keep_firing_for: 5m}
      - {alert: Waits, expr: x, for: 5m}
    """
    story = AlertTimeline(rules, tmp_path)
    story.at("1m").push("x", 1)
    story.at("2m").drop("x").expect_firing('{alertname="Fires"}')

    (alert,) = alerts_json([story.state.status])["alerts"]

    assert json.loads(json.dumps(alert)) == {
        "labels": {"alertname": "Fires"},
        "annotations": {},
        "state": "firing",
        "activeAt": "2023-11-14T22:14:00Z",
        "keepFiringSince": "2023-11-14T22:15:00Z",
        "value": "1e+00",
    }


@pytest.fixture
def groups() -> list[GroupStatus]:
    return [
        status(RuleStatus(RULE, alerts=(ALERT,)), RuleStatus(RECORDING), name="one", file="a.yml"),
        status(RuleStatus(RECORDING), name="two", file="a.yml"),
        status(RuleStatus(RULE), name="three", file="b.yml"),
        status(name="empty", file="b.yml"),
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["one.Down", "one.r", "two.r", "three.Down"]),
        ({"type": ["alert"]}, ["one.Down", "three.Down"]),
        ({"type": ["record"]}, ["one.r", "two.r"]),
        ({"rule_name[]": ["r"]}, ["one.r", "two.r"]),
        ({"rule_group[]": ["two", "three"]}, ["two.r", "three.Down"]),
        ({"file[]": ["b.yml"]}, ["three.Down"]),
        ({"file[]": ["b.yml"], "rule_name[]": ["r"]}, []),
        ({"group_limit": ["2"]}, ["one.Down", "one.r", "two.r"]),
    ],
)
def test_rules_are_filtered(groups, parameters, expected):
    assert names(rules_json(groups, rule_filter(parameters))) == expected


def test_one_set_of_matchers_must_match_the_labels_of_the_rule(groups):
    sets = ((Matcher("severity", MatchOp.EQUAL, "page"), Matcher("team", MatchOp.EQUAL, "")),)

    assert names(rules_json(groups, rule_filter({}, sets))) == ["one.Down", "three.Down"]


def test_alerts_can_be_left_out(groups):
    (group, *_) = rules_json(groups, rule_filter({"exclude_alerts": ["true"]}))["groups"]

    assert group["rules"][0]["alerts"] is None


def test_pages_follow_each_other(groups):
    pages, token = [], ""
    while True:
        page = rules_json(groups, rule_filter({"group_limit": ["1"], "group_next_token": [token]}))
        pages.append(names(page))
        token = page.get("groupNextToken", "")
        if not token:
            break

    assert pages == [["one.Down", "one.r"], ["two.r"], ["three.Down"]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"type": ["foo"]}, 'invalid parameter "type": not supported value "foo"'),
        ({"group_limit": ["x"]}, 'invalid parameter "group_limit": group_limit needs to be a valid number: '
                                 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"group_limit": ["0"]}, 'invalid parameter "group_limit": group_limit needs to be greater than 0'),
        ({"group_next_token": ["t"]}, 'invalid parameter "group_next_token": '
                                      "group_limit needs to be present in order to paginate over the groups"),
        ({"exclude_alerts": ["x"]}, 'invalid parameter "exclude_alerts": error converting exclude_alerts: '
                                    'strconv.ParseBool: parsing "x": invalid syntax'),
        ({"group_limit": ["1"], "group_next_token": ["t"]}, 'invalid parameter "group_next_token": '
                                                            "invalid group_next_token 't'. were rule groups changed?"),
    ],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_refused_in_prometheus_words(groups, parameters, message):
    with pytest.raises(BadRequest) as caught:
        rules_json(groups, rule_filter(parameters))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0e+00"), (-0.0, "-0e+00"), (1.0, "1e+00"), (1234.5, "1.2345e+03"), (-1e-7, "-1e-07"), (1e100, "1e+100"),
        (5e-324, "5e-324"), (0.1, "1e-01"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"),
    ],
)  # fmt: skip
def test_a_value_is_a_text_with_an_exponent(value, text):
    assert exponent_text(value) == text
