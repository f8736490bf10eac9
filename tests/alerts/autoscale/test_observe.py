"""One look at the world, whatever it does."""

from __future__ import annotations

import asyncio
import threading

import pytest
from scaling_fakes import FakeActuator, FakeQuery, single

from alerts.autoscale.decision import Observation, Reading, ReplicasSource
from alerts.autoscale.observe import Hearsay, Observer, ObserveSettings
from alerts.autoscale.policy import Burst, Policy
from alerts.autoscale.query import InstantAnswer, InstantElement, reading_of
from monitor.errors import QueryTimeout
from monitor.model.labels import Labels

WEB = Policy(name="web", expression="load", target=100, max_replicas=9)
QUICK = ObserveSettings(query_timeout_seconds=0.05, actuator_timeout_seconds=0.05)


def observe(query, actuator=None, hearsay=Hearsay(), policy=WEB) -> Observation:  # noqa: B008  (immutable)
    return asyncio.run(Observer(policy, query, actuator, QUICK).observe(hearsay, 1000))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (InstantAnswer([]), Reading()),
        (single(4.5, 900), Reading(4.5, 900, 1)),
        (InstantAnswer([InstantElement(Labels({"a": x}), 1.0) for x in "xy"]), Reading(elements=2)),
        (InstantAnswer([InstantElement(Labels(), 1.0)], ["half"]), Reading(1.0, None, 1, warning="half")),
        (QueryTimeout("too slow"), Reading(error="too slow")),
    ],
    ids=["nothing", "one value", "two values", "a warning", "an error"],
)
def test_an_answer_becomes_a_reading(answer, expected):
    assert observe(FakeQuery(load=answer)).reading == expected


def test_the_burst_expression_is_read_as_well():
    policy = Policy(name="web", expression="load", target=100, max_replicas=9, burst=Burst("quick"))
    query = FakeQuery(load=1.0, quick=2.0)
    assert observe(query, policy=policy).burst_reading == Reading(2.0, None, 1)
    assert query.asked == [("load", 1000), ("quick", 1000)]


def test_the_value_of_one_element_is_a_plain_float():
    assert type(reading_of(single(5)).value) is float


@pytest.mark.parametrize(
    ("actuator", "hearsay", "replicas", "source"),
    [
        (FakeActuator(replicas=3), Hearsay(reported=4, asked=5), 3, ReplicasSource.ACTUATOR),
        (FakeActuator(replicas=None), Hearsay(reported=4, asked=5), 4, ReplicasSource.RECEIPT),
        (None, Hearsay(asked=5), 5, ReplicasSource.ASSUMED),
        (None, Hearsay(), None, ReplicasSource.UNKNOWN),
    ],
    ids=["seen", "reported", "asked", "unknown"],
)
def test_the_best_source_of_the_replica_count_counts(actuator, hearsay, replicas, source):
    observation = observe(FakeQuery(), actuator, hearsay)
    assert (observation.replicas, observation.replicas_source) == (replicas, source)


def test_an_actuator_that_does_not_answer_in_time_is_as_one_that_cannot_see():
    class Hanging(FakeActuator):
        async def observe(self):
            await asyncio.sleep(3600)

    assert observe(FakeQuery(), Hanging(), Hearsay(asked=5)).replicas == 5


def test_a_query_that_does_not_end_is_not_started_a_second_time():
    is_over = threading.Event()

    class Endless(FakeQuery):
        def query(self, expression, at_ms):
            self.asked.append((expression, at_ms))
            is_over.wait(10)
            return single(1.0)

    async def story():
        query = Endless()
        observer = Observer(WEB, query, None, QUICK)
        first = await observer.observe(Hearsay(), 1000)
        second = await observer.observe(Hearsay(), 2000)
        is_over.set()
        return query.asked, first.reading.error, second.reading.error

    asked, first_error, second_error = asyncio.run(story())
    assert asked == [("load", 1000)]
    assert first_error == "no answer within 0.05 s"
    assert second_error == "the previous query has not ended"


def test_a_bug_in_the_engine_is_not_taken_for_missing_data():
    with pytest.raises(ZeroDivisionError):
        observe(FakeQuery(load=ZeroDivisionError()))
