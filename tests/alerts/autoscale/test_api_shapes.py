"""What the scaling routes answer."""

from __future__ import annotations

import json

import pytest
from scaling_story import START_MS, reading, watched

from alerts.autoscale.api_shapes import decisions_answer, policies_answer, scale_answer
from alerts.autoscale.breaker import BreakerPosition
from alerts.autoscale.control_loop import PolicyStatus
from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Observation, Reading, ReplicasSource, State
from alerts.autoscale.explain import summary
from alerts.autoscale.history import Outcome, StoredDecision
from alerts.autoscale.policy import Policy

WEB = Policy(name="web", expression="load", target=100, max_replicas=40)


def made_from(answer: Reading, state: State | None = None, replicas: int | None = 31):
    source = ReplicasSource.UNKNOWN if replicas is None else ReplicasSource.ACTUATOR
    observation = Observation(answer, replicas=replicas, replicas_source=source)
    return decide(WEB, state or watched(WEB), observation, START_MS)


def status(decision, **fields) -> PolicyStatus:
    return PolicyStatus(**{"policy": WEB, "decision": decision, "value": 4650.0, "value_at_ms": START_MS, **fields})


def test_a_fresh_value_is_what_keda_reads():
    answer = scale_answer(status(made_from(reading(4650)), recorded_seq=7), START_MS + 2_500)
    assert answer.status == 200
    assert answer.body.items() >= {"value": 4650.0, "target": 100, "desired": 40, "replicas": 31}.items()
    assert answer.body.items() >= {"age_seconds": 2.5, "state": "fresh", "reason": "maximum"}.items()
    assert answer.body["decision_seq"] == 7


@pytest.mark.parametrize(
    ("shown", "later_ms"),
    [
        (PolicyStatus(WEB), 0),
        (status(made_from(Reading())), 0),
        (status(made_from(Reading()), value=None, value_at_ms=None), 0),
        (status(made_from(reading(4650))), 60_001),
    ],
    ids=["not evaluated yet", "on hold", "on hold from the start", "grown old since"],
)
def test_without_a_fresh_value_the_status_is_503_so_that_the_fallback_of_keda_runs(shown, later_ms):
    answer = scale_answer(shown, START_MS + later_ms)
    assert (answer.status, answer.body["state"]) == (503, "hold")


def test_a_hold_still_says_what_stands():
    held = made_from(Reading(), State(last_desired=31))
    body = scale_answer(status(held), START_MS).body
    assert (body["desired"], body["reason"]) == (31, "no_data")
    assert body["explanation"] == "31 replicas (no change): hold at 31: the expression gives no element"


def test_an_open_breaker_degrades_but_the_value_can_be_used():
    answer = scale_answer(status(made_from(reading(4650)), breaker=BreakerPosition.OPEN), START_MS)
    assert (answer.status, answer.body["state"], answer.body["breaker"]) == (200, "degraded", "open")


def test_all_policies_are_one_list():
    answer = policies_answer([status(made_from(reading(4650))), PolicyStatus(WEB)], START_MS)
    assert [shape["state"] for shape in answer.body["policies"]] == ["fresh", "hold"]


def stored(seq: int, decision, observation=Observation(reading(4650))) -> StoredDecision:  # noqa: B008  (immutable)
    return StoredDecision(
        decision_id="id",
        seq=seq,
        expires_at_ms=START_MS + 15_000,
        outcome=Outcome.APPLIED,
        claimed_at_ms=START_MS + 1,
        finished_at_ms=None,
        receipt_replicas=40,
        receipt_detail="done",
        policy=WEB,
        state=State(),
        observation=observation,
        decision=decision,
        formula_version=1,
    )


def test_why_47_is_answered_by_one_decision_alone():
    (shape,) = decisions_answer([stored(8, made_from(reading(4650)))]).body["decisions"]
    assert (shape["decision_seq"], shape["raw_desired"], shape["desired"]) == (8, 47, 40)
    assert shape["formula"] == "ceil(4650 / 100) = 47"
    assert shape["inputs"]["expression"] == "load"
    assert shape["clamps"][-2] == {"limit": "maximum", "before": 47, "after": 40, "detail": "at most 40"}
    assert {"limit": "maximum", "desired": 40} in shape["alternatives"]
    assert shape["binding_limits"] == ["maximum"]
    assert shape["explanation"] == ("40 replicas (up from 31): ceil(4650 / 100) = 47; maximum makes it 40 (at most 40)")
    assert (shape["at"], shape["outcome"]) == ("2023-11-14T22:13:20Z", "applied")


def test_a_page_says_how_to_go_on():
    decision = made_from(reading(4650))
    assert decisions_answer([stored(8, decision), stored(7, decision)]).body["next_before"] == 7
    assert decisions_answer([stored(1, decision)]).body["next_before"] is None
    assert decisions_answer([]).body == {"decisions": [], "next_before": None}


def test_a_nan_is_null_in_the_answer():
    observation = Observation(reading(float("nan")))
    body = decisions_answer([stored(2, made_from(reading(float("nan"))), observation)]).body
    (shape,) = json.loads(json.dumps(body, allow_nan=False))["decisions"]
    assert shape["inputs"]["value"] is None
    assert shape["made_from"]["observation"]["reading"]["value"] is None


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (made_from(reading(3100)), "31 replicas (no change): ceil(3100 / 100) = 31"),
        (made_from(reading(100), replicas=None), "1 replicas (current count unknown): ceil(100 / 100) = 1"),
        (made_from(Reading(), replicas=None), "no count: the expression gives no element"),
    ],
    ids=["no change", "unknown count", "nothing known"],
)
def test_a_decision_in_one_sentence(decision, text):
    assert summary(decision) == text
