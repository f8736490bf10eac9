"""What is remembered between decisions, and that forgetting the rest changes nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.autoscale.decision import Change, Recommendation, State
from alerts.autoscale.memory import longest_period_ms, recent, remember, with_change
from alerts.autoscale.policy import ChangeLimit, ChangeUnit, Policy, ScalingRules

LIMIT = ChangeLimit(ChangeUnit.REPLICAS, 1, 60_000)
POLICY = Policy(name="web", expression="x", target=1, max_replicas=9, up=ScalingRules(0, change_limits=(LIMIT,)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30_000), st.integers(0, 50)), min_size=1, max_size=60), st.integers(1, 120_000)
)
def test_what_is_forgotten_is_never_the_highest_or_lowest_of_a_window(steps, window_ms):
    everything, kept, now_ms = [], (), 0
    for step_ms, replicas in steps:
        now_ms += step_ms
        newest = Recommendation(now_ms, replicas)
        everything.append(newest)
        kept = remember(kept, newest, 120_000)
    assert max(recent(kept, window_ms, now_ms)) == max(recent(everything, window_ms, now_ms))
    assert min(recent(kept, window_ms, now_ms)) == min(recent(everything, window_ms, now_ms))


def test_a_steady_load_leaves_one_recommendation():
    kept = ()
    for second in range(3600):
        kept = remember(kept, Recommendation(second * 1000, 47), 3_600_000)
    assert kept == (Recommendation(3_599_000, 47),)


def test_a_window_excludes_the_moment_at_its_far_end():
    recommendations = [Recommendation(0, 9), Recommendation(1, 8)]
    assert recent(recommendations, 1000, 1000) == [8]


def test_recommendations_from_the_future_are_forgotten():
    """The clock was set back."""
    assert remember([Recommendation(5000, 9)], Recommendation(1000, 2), 60_000) == (Recommendation(1000, 2),)


def test_changes_are_kept_for_the_longest_period_only():
    state = with_change(POLICY, State(), Change(0, 1, 2))
    state = with_change(POLICY, state, Change(59_999, 2, 3))
    assert len(state.changes) == 2
    assert with_change(POLICY, state, Change(60_000, 3, 4)).changes == (Change(59_999, 2, 3), Change(60_000, 3, 4))


def test_without_change_limits_no_change_is_kept():
    policy = Policy(name="web", expression="x", target=1, max_replicas=9)
    assert longest_period_ms(policy) == 0
