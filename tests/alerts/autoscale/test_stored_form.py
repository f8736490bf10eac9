"""Dataclasses to JSON and back."""

from __future__ import annotations

import math

import pytest

from alerts.autoscale.decision import Observation, Reading, Recommendation, State
from alerts.autoscale.policy import Policy
from alerts.autoscale.stored_form import from_json, to_json


def test_nan_and_infinity_survive():
    restored = from_json(Observation, to_json(Observation(Reading(math.nan), Reading(-math.inf))))
    assert restored.reading.value is not None
    assert math.isnan(restored.reading.value)
    assert restored.burst_reading == Reading(-math.inf)


def test_every_bit_of_a_float_survives():
    assert from_json(Reading, to_json(Reading(0.1 + 0.2))).value == 0.1 + 0.2


def test_fields_of_another_version_are_ignored_and_new_ones_have_their_default():
    assert from_json(State, '{"last_desired": 4, "gone": 1}') == State(last_desired=4)


def test_tuples_of_dataclasses_survive():
    state = State(recommendations=(Recommendation(1, 2), Recommendation(3, 4)))
    assert from_json(State, to_json(state)) == state


@pytest.mark.parametrize("text", ["[]", "{}", '"x"', '{"name": "web"}'])
def test_what_describes_something_else_is_refused(text):
    with pytest.raises(ValueError, match="want"):
        from_json(Policy, text)


def test_what_is_no_json_is_refused():
    with pytest.raises(ValueError, match="Expecting"):
        from_json(State, "{")
