"""What holds for every policy, every past and everything seen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from scaling_cases import LOADS, NOW_MS, bad_readings, good_readings, observations, policies, states

from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Decision, Direction, Observation, State, Trust
from alerts.autoscale.memory import advance
from alerts.autoscale.policy import Policy
from alerts.autoscale.stored_form import from_json, to_json


@settings(deadline=None)
@given(policies(), states(), observations())
def test_the_desired_count_is_always_within_the_bounds(policy, state, observation):
    desired = decide(policy, state, observation, NOW_MS).desired
    assert desired is None or policy.min_replicas <= desired <= policy.max_replicas


@settings(deadline=None)
@given(policies(), states(), observations(bad_readings))
def test_without_usable_data_nothing_moves_but_into_the_bounds(policy, state, observation):
    decision = decide(policy, state, observation, NOW_MS)
    known = [count for count in (state.last_desired, observation.replicas) if count is not None]
    expected = max(policy.min_replicas, min(policy.max_replicas, max(known))) if known else None
    assert decision.desired == expected
    assert decision.trust is Trust.HOLD
    assert advance(policy, state, decision).recommendations == state.recommendations


@settings(deadline=None)
@given(policies(), states(), observations(bad_readings))
def test_without_usable_data_nothing_scales_down_unless_over_the_maximum(policy, state, observation):
    decision = decide(policy, state, observation, NOW_MS)
    if decision.direction is Direction.DOWN:
        assert observation.replicas is not None
        assert observation.replicas > policy.max_replicas


@settings(deadline=None)
@given(policies(), states(), observations(good_readings), LOADS, LOADS)
def test_a_higher_load_never_asks_for_fewer_replicas(policy, state, observation, one, other):
    low, high = (
        decide(policy, state, replace(observation, reading=replace(observation.reading, value=load)), NOW_MS).desired
        for load in sorted((one, other))
    )
    assert (low is None) == (high is None)
    assert low is None or high is None or low <= high


@settings(deadline=None)
@given(policies(), observations(good_readings))
def test_a_first_decision_never_scales_down_unless_over_the_maximum(policy, observation):
    decision = decide(policy, State(), observation, NOW_MS)
    has_window = policy.down.stabilization_window_ms > 0
    if has_window and decision.direction is Direction.DOWN:
        assert observation.replicas is not None
        assert observation.replicas > policy.max_replicas


@settings(deadline=None)
@given(policies(), states(), observations())
def test_a_decision_replays_bit_for_bit_from_its_stored_inputs(policy, state, observation):
    decision = decide(policy, state, observation, NOW_MS)
    stored = [to_json(policy), to_json(state), to_json(observation)]
    again = decide(from_json(Policy, stored[0]), from_json(State, stored[1]), from_json(Observation, stored[2]), NOW_MS)
    assert to_json(again) == to_json(decision)
    assert to_json(from_json(Decision, to_json(decision))) == to_json(decision)


@settings(deadline=None)
@given(policies(), states(), observations())
def test_the_clamps_lead_from_the_raw_to_the_desired_count_without_a_gap(policy, state, observation):
    decision = decide(policy, state, observation, NOW_MS)
    counts = [clamp.before for clamp in decision.clamps[1:]]
    assert counts == [clamp.after for clamp in decision.clamps[:-1]]
    if decision.trust is not Trust.HOLD and decision.desired is not None and decision.alternatives:
        assert decision.clamps[0].before == decision.raw_desired
        assert decision.clamps[-1].after == decision.desired
