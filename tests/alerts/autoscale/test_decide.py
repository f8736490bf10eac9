"""Timelines and examples worked out by hand from the formulas of Kubernetes' horizontal pod autoscaler."""

from __future__ import annotations

import math

import pytest
from scaling_story import START_MS, Story, reading, watched

from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Direction, Limit, Observation, Reading, Reason, ReplicasSource, State, Trust
from alerts.autoscale.policy import Burst, ChangeLimit, ChangeUnit, Policy, ScalingRules, SelectChange

WEB = Policy(name="web", expression="sum(rate(requests[1m]))", target=100, max_replicas=100)


def decided(policy: Policy, value: float, replicas: int, state: State | None = None):
    observation = Observation(reading(value, START_MS), replicas=replicas, replicas_source=ReplicasSource.ACTUATOR)
    return decide(policy, state or watched(policy), observation, START_MS)


@pytest.mark.parametrize(
    ("load", "replicas", "desired"),
    [
        (4650, 31, 47),
        (1, 5, 1),
        (0, 5, 1),
        (1000, 10, 10),
        (1050, 10, 10),
        (1100, 10, 11),
        (1101, 10, 12),
        (950, 10, 10),
        (900, 10, 10),
        (899, 10, 9),
        (99_999, 10, 100),
        (250, 0, 3),
    ],
    ids=str,
)
def test_the_desired_count_is_what_hpa_computes(load, replicas, desired):
    """ceil(load / 100) outside a band of 10 % around 100 * replicas, between 1 and 100.

    1100 is just outside: in floating point |1 - 1.1| is 0.10000000000000009, in Kubernetes as here.
    """
    policy = Policy(name="web", expression="x", target=100, max_replicas=100, down=ScalingRules(0))
    assert decided(policy, load, replicas).desired == desired


def test_a_decision_names_every_quantity_on_its_way():
    decision = decided(WEB, 4650, 31)

    assert decision.raw_desired == 47
    assert decision.formula == "ceil(4650 / 100) = 47"
    assert (decision.inputs.value, decision.inputs.target, decision.inputs.replicas) == (4650, 100, 31)
    assert decision.inputs.age_seconds == 0
    assert [(clamp.limit, clamp.before, clamp.after) for clamp in decision.clamps] == [
        (limit, 47, 47) for limit in Limit
    ]
    assert (decision.direction, decision.reason, decision.trust) == (Direction.UP, Reason.TARGET, Trust.FRESH)


def test_clamps_are_listed_in_order_with_what_each_made_of_it():
    policy = Policy(
        name="web",
        expression="x",
        target=100,
        max_replicas=12,
        up=ScalingRules(0, change_limits=(ChangeLimit(ChangeUnit.REPLICAS, 4, 60_000),)),
    )
    decision = decided(policy, 4650, 10)

    binding = [(c.limit, c.before, c.after) for c in decision.clamps if c.before != c.after]
    assert binding == [(Limit.CHANGE_RATE, 47, 14), (Limit.MAXIMUM, 14, 12)]
    assert decision.reason is Reason.MAXIMUM


def test_alternatives_say_what_each_limit_alone_would_have_given():
    policy = Policy(
        name="web",
        expression="x",
        target=100,
        max_replicas=12,
        up=ScalingRules(0, change_limits=(ChangeLimit(ChangeUnit.REPLICAS, 4, 60_000),)),
    )
    alternatives = {a.limit: a.desired for a in decided(policy, 4650, 10).alternatives}

    assert alternatives[Limit.CHANGE_RATE] == 14
    assert alternatives[Limit.MAXIMUM] == 12
    assert alternatives[Limit.TOLERANCE] == alternatives[Limit.MINIMUM] == 47


def test_a_load_that_falls_is_followed_when_the_scale_down_window_has_passed():
    story = Story(WEB, replicas=10)
    assert story.at("0s").load(1000).desired == 10
    for moment in range(15, 300, 15):
        held = story.at(f"{moment}s").load(300)
        assert (held.desired, held.reason) == (10, Reason.STABILIZATION)
    assert story.at("5m").load(300).desired == 3


def test_a_short_dip_changes_nothing():
    story = Story(WEB, replicas=10)
    for moment in range(0, 1200, 15):
        load = 100 if moment == 600 else 1000
        assert story.at(f"{moment}s").load(load).desired == 10


def test_a_scale_up_window_waits_for_the_load_to_stay():
    policy = Policy(name="web", expression="x", target=100, max_replicas=100, up=ScalingRules(60_000))
    story = Story(policy, replicas=10)
    assert story.at("0s").load(1000).desired == 10
    assert story.at("30s").load(2000).desired == 10
    assert story.at("59s").load(2500).desired == 10
    assert story.at("60s").load(2500).desired == 20
    assert story.at("90s").load(2500).desired == 25


def test_hpa_default_growth_doubles_each_15_seconds():
    """Percent 100 and 4 replicas within 15 s, whichever allows more: 1, 5, 10, 20, 40."""
    limits = (ChangeLimit(ChangeUnit.PERCENT, 100, 15_000), ChangeLimit(ChangeUnit.REPLICAS, 4, 15_000))
    policy = Policy(name="web", expression="x", target=1, max_replicas=50, up=ScalingRules(0, change_limits=limits))
    story = Story(policy, replicas=1)
    counts = [story.at(f"{moment}s").load(500).desired for moment in (0, 5, 15, 30, 45, 60)]
    assert counts == [5, 5, 10, 20, 40, 50]


def test_select_min_takes_the_strictest_change_limit():
    limits = (ChangeLimit(ChangeUnit.PERCENT, 50, 60_000), ChangeLimit(ChangeUnit.REPLICAS, 2, 60_000))
    down = ScalingRules(0, change_limits=limits, select=SelectChange.MIN)
    policy = Policy(name="web", expression="x", target=1, max_replicas=50, down=down)
    assert decided(policy, 1, 20).desired == 18


def test_select_max_takes_the_most_generous_change_limit_down():
    limits = (ChangeLimit(ChangeUnit.PERCENT, 50, 60_000), ChangeLimit(ChangeUnit.REPLICAS, 2, 60_000))
    policy = Policy(name="web", expression="x", target=1, max_replicas=50, down=ScalingRules(0, change_limits=limits))
    assert decided(policy, 1, 21).desired == 10


def test_a_disabled_direction_stays():
    down = ScalingRules(0, select=SelectChange.DISABLED)
    policy = Policy(name="web", expression="x", target=1, max_replicas=50, down=down)
    decision = decided(policy, 1, 20)
    assert (decision.desired, decision.reason) == (20, Reason.CHANGE_RATE)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reading(), Reason.NO_DATA),
        (reading(math.nan), Reason.NOT_A_NUMBER),
        (reading(math.inf), Reason.NOT_A_NUMBER),
        (Reading(elements=2), Reason.NOT_A_SINGLE_VALUE),
        (reading(1, START_MS - 60_001), Reason.STALE),
        (reading(1, START_MS + 60_001), Reason.STALE),
        (Reading(1.0, START_MS, 1, warning="half of it"), Reason.PARTIAL),
        (Reading(error="the engine is away"), Reason.QUERY_FAILED),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_what_is_not_one_fresh_number_holds_the_last_desired_count(answer, reason):
    state = watched(WEB, last_desired=7)
    observation = Observation(answer, replicas=7, replicas_source=ReplicasSource.ACTUATOR)
    decision = decide(WEB, state, observation, START_MS)

    assert (decision.desired, decision.direction) == (7, Direction.NONE)
    assert (decision.reason, decision.trust) == (reason, Trust.HOLD)
    assert decision.raw_desired is None
    assert decision.detail


def test_a_sample_of_exactly_the_maximum_age_is_still_good():
    observation = Observation(reading(500, START_MS - 60_000), replicas=5)
    assert decide(WEB, watched(WEB), observation, START_MS).trust is Trust.FRESH


def test_a_hold_never_lowers_what_runs():
    """Somebody scaled up by hand, then the data went away."""
    observation = Observation(Reading(), replicas=20, replicas_source=ReplicasSource.ACTUATOR)
    decision = decide(WEB, watched(WEB, last_desired=7), observation, START_MS)
    assert (decision.desired, decision.direction) == (20, Direction.NONE)


def test_a_hold_brings_back_what_was_lost():
    """The replicas died with the machine; what they served is unknown, what was wanted is not."""
    observation = Observation(Reading(), replicas=0, replicas_source=ReplicasSource.ACTUATOR)
    decision = decide(WEB, State(last_desired=7), observation, START_MS)
    assert (decision.desired, decision.direction) == (7, Direction.UP)


def test_the_very_first_replicas_need_no_data():
    """What is scaled is often what exports the data."""
    observation = Observation(Reading(), replicas=0, replicas_source=ReplicasSource.ACTUATOR)
    assert decide(WEB, State(), observation, START_MS).desired == WEB.min_replicas


def test_knowing_nothing_at_all_asks_for_nothing():
    decision = decide(WEB, State(), Observation(Reading()), START_MS)
    assert (decision.desired, decision.wants_change) == (None, False)


def test_after_a_start_nothing_scales_down_before_a_full_window_was_watched():
    story = Story(WEB, replicas=10, has_watched=False)
    first = story.at("0s").load(100)
    assert (first.desired, first.reason, first.trust) == (10, Reason.WATCHING, Trust.DEGRADED)
    for moment in range(15, 300, 15):
        assert story.at(f"{moment}s").load(100).desired == 10
    assert story.at("5m").load(100).desired == 1


def test_after_a_start_it_scales_up_at_once():
    assert Story(WEB, replicas=10, has_watched=False).load(5000).desired == 50


def test_an_outage_of_data_starts_the_watch_again():
    story = Story(WEB, replicas=10)
    story.at("0s").load(1000)
    for moment in range(15, 400, 15):
        story.at(f"{moment}s").blind()
    assert story.at("400s").load(100).reason is Reason.WATCHING
    for moment in range(415, 700, 15):
        story.at(f"{moment}s").load(100)
    assert story.replicas == 10
    assert story.at("700s").load(100).desired == 1


def test_a_single_failed_query_does_not_start_the_watch_again():
    story = Story(WEB, replicas=10)
    for moment in range(0, 600, 15):
        if moment == 300:
            story.at(f"{moment}s").blind()
        else:
            story.at(f"{moment}s").load(1000 if moment < 15 else 100)
    assert story.replicas == 1


def test_a_clock_that_was_set_back_starts_the_watch_again():
    story = Story(WEB, replicas=10)
    story.at("1h").load(1000)
    assert story.at("0s").load(100).reason is Reason.WATCHING


def test_without_a_replica_count_the_first_answer_waits_for_a_full_window():
    """Any number could be a scale-down of something unknown; then it is the highest that was needed meanwhile."""
    story = Story(WEB, replicas=None, has_watched=False)
    assert story.at("0s").load(1000).desired is None
    for moment in range(15, 300, 15):
        assert story.at(f"{moment}s").load(300).desired is None
    decision = story.at("299s").load(800)
    assert (decision.desired, decision.reason) == (None, Reason.WATCHING)
    first = story.at("5m").load(300)
    assert (first.desired, first.direction) == (8, Direction.UNKNOWN)


def test_bounds_hold_without_data():
    policy = Policy(name="web", expression="x", target=100, min_replicas=2, max_replicas=5)
    observation = Observation(Reading(), replicas=9, replicas_source=ReplicasSource.ACTUATOR)
    decision = decide(policy, State(last_desired=9), observation, START_MS)
    assert (decision.desired, decision.reason) == (5, Reason.NO_DATA)


BURSTY = Policy(
    name="sale",
    expression="stable",
    target=100,
    max_replicas=1000,
    up=ScalingRules(0, change_limits=(ChangeLimit(ChangeUnit.PERCENT, 100, 15_000),)),
    down=ScalingRules(0),
    burst=Burst("burst", threshold=2.0, hold_ms=60_000),
)


def test_a_burst_is_followed_past_change_limits():
    decision = Story(BURSTY, replicas=10).load(1500, burst=50_000)
    assert (decision.desired, decision.reason) == (500, Reason.BURST)


def test_below_the_threshold_there_is_no_burst():
    decision = Story(BURSTY, replicas=10).load(1500, burst=1900)
    assert (decision.desired, decision.reason) == (15, Reason.TARGET)


def test_a_burst_is_held_at_its_peak_until_it_has_been_over_for_the_hold_time():
    story = Story(BURSTY, replicas=10)
    story.at("0s").load(1500, burst=50_000)
    assert story.at("30s").load(20_000, burst=1000).desired == 500
    assert story.at("60s").load(20_000, burst=1000).desired == 500
    assert story.at("61s").load(20_000, burst=1000).desired == 200


def test_a_burst_that_cannot_be_seen_degrades_and_does_not_decide():
    story = Story(BURSTY, replicas=10)
    decision = story.see(Observation(reading(1500, START_MS), Reading(error="away")))
    assert (decision.desired, decision.trust) == (15, Trust.DEGRADED)
    assert decision.burst is not None
    assert decision.burst.fault is Reason.QUERY_FAILED


@pytest.mark.parametrize(("load", "target", "raw"), [(1.1, 0.1, 11), (0.3, 0.1, 3), (1100.0000000000002, 100, 11)])
def test_floating_point_dust_asks_for_no_replica(load, target, raw):
    policy = Policy(name="web", expression="x", target=target, max_replicas=100)
    assert decided(policy, load, 1).raw_desired == raw


def test_an_absurd_load_is_capped_where_hpa_caps_it():
    assert decided(WEB, 1e300, 1).raw_desired == 2**31 - 1
