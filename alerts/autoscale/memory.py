"""What a policy remembers: recommendations inside the stabilization windows, changes, how long it has been watching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alerts.autoscale.decision import Change, Decision, Recommendation, State
from alerts.autoscale.policy import Policy


def watched_since_ms(policy: Policy, state: State, now_ms: int) -> int:
    """When the present unbroken watch began, given a good reading at `now_ms`: now, if there was none before it."""
    since_ms, last_ms = state.watched_since_ms, state.watched_at_ms
    if since_ms is None or last_ms is None or last_ms > now_ms:
        return now_ms
    return since_ms if now_ms - last_ms <= policy.blind_after_ms else now_ms


def has_watched_a_window(policy: Policy, state: State, now_ms: int) -> bool:
    """Whether good readings cover a full scale-down window up to `now_ms`."""
    return now_ms - watched_since_ms(policy, state, now_ms) >= policy.down.stabilization_window_ms


def recent(recommendations: Sequence[Recommendation], window_ms: int, now_ms: int) -> list[int]:
    """The counts recommended after `now_ms - window_ms` (exclusive, as HPA cuts its windows)."""
    return [item.replicas for item in recommendations if now_ms - window_ms < item.at_ms <= now_ms]


def remember(
    recommendations: Sequence[Recommendation], newest: Recommendation, horizon_ms: int
) -> tuple[Recommendation, ...]:
    """`recommendations` with `newest`, without those that no window of up to `horizon_ms` can ask for any more.

    A window always reaches to the present, so an older entry matters only if it is higher than all that follow,
    or lower than all that follow. A steady load leaves one entry, however short the interval.
    """
    kept = [newest]
    highest = lowest = newest.replicas
    for item in reversed(recommendations):
        if not newest.at_ms - horizon_ms < item.at_ms <= newest.at_ms:
            continue
        if item.replicas > highest or item.replicas < lowest:
            kept.append(item)
            highest, lowest = max(highest, item.replicas), min(lowest, item.replicas)
    return tuple(reversed(kept))


def advance(policy: Policy, state: State, decision: Decision) -> State:
    """The state after `decision`. A hold keeps the watch's end where it was, so that a long one breaks the watch."""
    last_desired = state.last_desired if decision.desired is None else decision.desired
    if decision.recommendation is None:
        return replace(state, last_desired=last_desired)
    horizon_ms = max(policy.up.stabilization_window_ms, policy.down.stabilization_window_ms)
    newest = Recommendation(decision.at_ms, decision.recommendation)
    burst = decision.burst
    return State(
        last_desired=last_desired,
        recommendations=remember(state.recommendations, newest, horizon_ms),
        changes=_within_periods(policy, state.changes, decision.at_ms),
        watched_since_ms=watched_since_ms(policy, state, decision.at_ms),
        watched_at_ms=decision.at_ms,
        burst_until_ms=burst.until_ms if burst else 0,
        burst_peak=burst.peak if burst and burst.is_active else 0,
    )


def with_change(policy: Policy, state: State, change: Change) -> State:
    """The state after a change was carried out."""
    return replace(state, changes=(*_within_periods(policy, state.changes, change.at_ms), change))


def longest_period_ms(policy: Policy) -> int:
    """The longest period of any change limit; 0 if there is none."""
    limits = (*policy.up.change_limits, *policy.down.change_limits)
    return max((limit.period_ms for limit in limits), default=0)


def _within_periods(policy: Policy, changes: Sequence[Change], now_ms: int) -> tuple[Change, ...]:
    horizon_ms = longest_period_ms(policy)
    return tuple(change for change in changes if now_ms - horizon_ms < change.at_ms <= now_ms)
