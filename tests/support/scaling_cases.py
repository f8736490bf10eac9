"""Hypothesis strategies for policies, what they remember and what they see."""

from __future__ import annotations

from hypothesis import strategies as st

from alerts.autoscale.decision import (
    Change,
    Observation,
    Reading,
    Recommendation,
    ReplicasSource,
    State,
)
from alerts.autoscale.policy import Burst, ChangeLimit, ChangeUnit, Policy, ScalingRules, SelectChange

NOW_MS = 1_700_000_000_000
COUNTS = st.integers(0, 200)
LOADS = st.floats(0, 1e6, allow_nan=False)

change_limits = st.builds(
    ChangeLimit, st.sampled_from(ChangeUnit), st.integers(1, 300), st.sampled_from([15_000, 60_000, 600_000])
)
rules = st.builds(
    ScalingRules,
    st.sampled_from([0, 60_000, 300_000]),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.lists(change_limits, max_size=2).map(tuple),
    st.sampled_from(SelectChange),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    low, high = sorted((draw(COUNTS), draw(COUNTS)))
    return Policy(
        name="web",
        expression="load",
        target=draw(st.sampled_from([0.1, 1.0, 3.0, 100.0])),
        min_replicas=low,
        max_replicas=high,
        up=draw(rules),
        down=draw(rules),
        burst=draw(st.none() | st.builds(Burst, st.just("burst"))),
        dry_run=draw(st.booleans()),
    )


past_ms = st.integers(0, 900_000).map(lambda age_ms: NOW_MS - age_ms)


@st.composite
def states(draw: st.DrawFn) -> State:
    recommendations = draw(st.lists(st.builds(Recommendation, past_ms, COUNTS), max_size=5))
    changes = draw(st.lists(st.builds(Change, past_ms, COUNTS, COUNTS), max_size=3))
    since_ms, at_ms = sorted((draw(past_ms), draw(past_ms)))
    has_watched = draw(st.booleans())
    return State(
        last_desired=draw(st.none() | COUNTS),
        recommendations=tuple(sorted(recommendations, key=lambda r: r.at_ms)),
        changes=tuple(sorted(changes, key=lambda c: c.at_ms)),
        watched_since_ms=since_ms if has_watched else None,
        watched_at_ms=at_ms if has_watched else None,
        burst_until_ms=draw(st.integers(NOW_MS - 100_000, NOW_MS + 100_000)),
        burst_peak=draw(COUNTS),
    )


good_readings = st.builds(Reading, LOADS, st.none() | st.integers(NOW_MS - 60_000, NOW_MS), st.just(1))
bad_readings = st.one_of(
    st.just(Reading()),
    st.builds(Reading, elements=st.integers(2, 5)),
    st.builds(Reading, st.sampled_from([float("nan"), float("inf"), -float("inf")]), st.none(), st.just(1)),
    st.builds(Reading, LOADS, st.integers(0, NOW_MS - 60_001), st.just(1)),
    st.builds(Reading, LOADS, st.none(), st.just(1), warning=st.just("half of it")),
    st.builds(Reading, error=st.just("away")),
)


@st.composite
def observations(draw: st.DrawFn, readings: st.SearchStrategy[Reading] = good_readings | bad_readings) -> Observation:
    replicas = draw(st.none() | COUNTS)
    source = ReplicasSource.UNKNOWN if replicas is None else draw(st.sampled_from(ReplicasSource))
    return Observation(
        draw(readings), draw(st.none() | good_readings | bad_readings), replicas, draw(st.none() | COUNTS), source
    )
