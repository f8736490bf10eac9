"""`/api/v1/rules` and `/api/v1/alerts` over HTTP."""

from __future__ import annotations

import pytest
from api_server import ApiClient, open_context, serving

from alerts.alert_state import Alert, AlertState
from alerts.api.rule_answers import RuleAnswers
from alerts.group_state import GroupStatus, RuleHealth, RuleStatus
from alerts.rules import AlertingRule, RecordingRule, Rule, RuleGroup
from alerts.templates.expand import RuleTemplate
from monitor.api.routes.rule_routes import RuleRoutes
from monitor.model.labels import Labels

AT_MS = 1_700_000_000_500
PAGE = (("severity", RuleTemplate.of("page", "Down")),)
DOWN, SLOW = AlertingRule("Down", "up == 0", labels=PAGE), AlertingRule("Slow", "latency > 1")
TOTAL = RecordingRule("job:total", "sum(up)")
FIRING = Alert(Labels({"alertname": "Down", "job": "a"}), {}, 0.0, AlertState.FIRING, AT_MS, AT_MS)


def group(name: str, file: str, *rules: Rule) -> GroupStatus:
    alerts = {"Down": (FIRING,)}
    statuses = tuple(RuleStatus(rule, RuleHealth.OK, "", 0.1, AT_MS, alerts.get(rule.name, ())) for rule in rules)
    return GroupStatus(RuleGroup(name, file, 30_000, rules), statuses, 0.1, AT_MS)


GROUPS = [group("g1", "a.yml", DOWN, TOTAL), group("g2", "a.yml", SLOW), group("g3", "b.yml", TOTAL)]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with (
        open_context(tmp_path_factory.mktemp("store")) as context,
        serving(context, endpoints=RuleRoutes(RuleAnswers(lambda: GROUPS)).endpoints()) as client,
    ):
        yield client


def names(api: ApiClient, **parameters) -> list[str]:
    groups = api.get("rules", **parameters).data["groups"]
    return [f"{group['name']}.{rule['name']}" for group in groups for rule in group["rules"]]


def test_alerts_are_those_of_all_rules(api):
    (alert,) = api.get("alerts").data["alerts"]
    assert (alert["labels"], alert["state"]) == ({"alertname": "Down", "job": "a"}, "firing")
    assert (alert["value"], alert["activeAt"]) == ("0e+00", "2023-11-14T22:13:20.5Z")


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, ["g1.Down", "g1.job:total", "g2.Slow", "g3.job:total"]),
        ({"type": "alert"}, ["g1.Down", "g2.Slow"]),
        ({"type": "record"}, ["g1.job:total", "g3.job:total"]),
        ({"rule_name[]": ["Down", "Slow"]}, ["g1.Down", "g2.Slow"]),
        ({"rule_group[]": ["g2", "g3"]}, ["g2.Slow", "g3.job:total"]),
        ({"file[]": "b.yml"}, ["g3.job:total"]),
        ({"match[]": '{severity="page"}'}, ["g1.Down"]),
        ({"match[]": ['{severity="page"}', '{severity="x"}']}, ["g1.Down"]),
        ({"rule_name[]": "nope"}, []),
    ],
)
def test_rules_are_filtered(api, parameters, wanted):
    assert names(api, **parameters) == wanted


def test_alerts_can_be_left_out_of_rules(api):
    def alerts(**parameters):
        return api.get("rules", type="alert", **parameters).data["groups"][0]["rules"][0]["alerts"]

    assert len(alerts()) == 1
    assert alerts(exclude_alerts="true") is None


def test_pages_of_groups_follow_each_other(api):
    first = api.get("rules", group_limit="2").data
    assert [group["name"] for group in first["groups"]] == ["g1", "g2"]
    second = api.get("rules", group_limit="2", group_next_token=first["groupNextToken"]).data
    assert [group["name"] for group in second["groups"]] == ["g3"]
    assert "groupNextToken" not in second


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"type": "x"}, 'invalid parameter "type": not supported value "x"'),
        ({"match[]": "{}"}, "match[] must contain at least one non-empty matcher"),
        ({"match[]": "{a"}, "1:3: parse error: unexpected end of input inside braces"),
        ({"group_limit": "0"}, 'invalid parameter "group_limit": group_limit needs to be greater than 0'),
        (
            {"group_next_token": "x"},
            'invalid parameter "group_next_token": '
            "group_limit needs to be present in order to paginate over the groups",
        ),
    ],
)
def test_bad_parameters_are_refused_in_the_words_of_prometheus(api, parameters, message):
    reply = api.get("rules", **parameters)
    assert (reply.status, reply.json) == (400, {"status": "error", "errorType": "bad_data", "error": message})


def test_the_routes_are_documented(api):
    rules = api.request("GET", "/openapi.json").json["paths"]["/api/v1/rules"]["get"]
    documented = {parameter["name"]: parameter for parameter in rules["parameters"]}
    assert {"type", "rule_name[]", "file[]", "match[]", "group_next_token"} <= set(documented)
    assert all(parameter["description"] for parameter in documented.values())
