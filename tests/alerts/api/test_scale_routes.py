"""`/api/v1/scale` over HTTP, as KEDA and people ask it."""

from __future__ import annotations

import pytest
from api_server import ApiClient, open_context, serving
from manual_clock import ManualClock
from scaling_story import START_MS, reading, watched

from alerts.api.scale_answers import ScaleAnswers
from alerts.autoscale.control_loop import PolicyStatus
from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Observation, ReplicasSource
from alerts.autoscale.history import DecisionHistory, HistorySettings, NewDecision, Outcome
from alerts.autoscale.policy import Policy
from alerts.database import open_database
from monitor.api.routes.scale_routes import ScaleRoutes

WEB = Policy(name="web", expression="load", target=100, max_replicas=40)
IDLE = Policy(name="idle", expression="nothing", target=1, max_replicas=2)
OBSERVATION = Observation(reading(3000.0), replicas=20, replicas_source=ReplicasSource.ACTUATOR)
DECISION = decide(WEB, watched(WEB), OBSERVATION, START_MS)
STATUSES = {
    "web": PolicyStatus(WEB, DECISION, recorded_seq=3, value=3000.0, value_at_ms=START_MS),
    "idle": PolicyStatus(IDLE),
}


class Policies:
    def statuses(self) -> list[PolicyStatus]:
        return list(STATUSES.values())

    def status(self, policy: str) -> PolicyStatus | None:
        return STATUSES.get(policy)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    directory = tmp_path_factory.mktemp("state")
    engine = open_database(f"sqlite:///{directory}/state.db")
    history = DecisionHistory(engine, HistorySettings())
    for number in range(3):
        history.record(
            NewDecision(f"id-{number}", WEB, watched(WEB), OBSERVATION, DECISION, Outcome.DRY_RUN, START_MS + 15_000)
        )
    answers = ScaleAnswers(Policies(), history, ManualClock(START_MS + 2_500))
    with (
        open_context(directory / "store") as context,
        serving(context, endpoints=ScaleRoutes(answers).endpoints()) as client,
    ):
        yield client
    engine.dispose()


def test_keda_reads_a_fresh_value(api):
    reply = api.get("scale/web")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json.items() >= {"value": 3000.0, "target": 100, "desired": 30, "age_seconds": 2.5}.items()


def test_without_a_fresh_value_keda_sees_a_failure(api):
    reply = api.get("scale/idle")
    assert (reply.status, reply.json["state"], reply.json["value"]) == (503, "hold", None)


def test_all_policies_are_listed(api):
    policies = api.get("scale").json["policies"]
    assert [(each["policy"], each["state"]) for each in policies] == [("web", "fresh"), ("idle", "hold")]


@pytest.mark.parametrize("path", ["scale/nope", "scale/nope/decisions"])
def test_an_unknown_policy_is_not_found(api, path):
    reply = api.get(path)
    message = "got scaling policy 'nope', want one of those in force"
    assert (reply.status, reply.json) == (404, {"status": "error", "errorType": "not_found", "error": message})


def test_decisions_come_newest_first_and_page_by_page(api):
    def page(**parameters) -> tuple[list[int], int | None]:
        body = api.get("scale/web/decisions", **parameters).json
        return [decision["decision_seq"] for decision in body["decisions"]], body["next_before"]

    assert page() == ([3, 2, 1], None)
    assert page(limit="2") == ([3, 2], 2)
    assert page(limit="2", before="2") == ([1], None)
    assert api.get("scale/idle/decisions").json == {"decisions": [], "next_before": None}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"limit": "0"}, ("limit", "got 0, want a number from 1 to 1000")),
        ({"limit": "x"}, ("limit", 'strconv.Atoi: parsing "x": invalid syntax')),
        ({"limit": "1001"}, ("limit", "got 1001, want a number from 1 to 1000")),
        ({"before": "9" * 30}, ("before", f'strconv.Atoi: parsing "{"9" * 30}": value out of range')),
    ],
)
def test_bad_parameters_are_refused_in_the_one_shape(api: ApiClient, parameters, named):
    reply = api.get("scale/web/decisions", **parameters)
    message = 'invalid parameter "{}": {}'.format(*named)
    assert (reply.status, reply.json) == (400, {"status": "error", "errorType": "bad_data", "error": message})


def test_the_wrong_method_is_refused_in_the_one_shape(api):
    reply = api.post("scale/web", x="1")
    assert (reply.status, reply.json["errorType"]) == (405, "bad_data")
