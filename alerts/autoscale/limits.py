"""The limits between the raw desired count and the one that is asked for: HPA v2's, Knative's burst, and our own watch.

Each limit is one function `(situation, replicas) -> (replicas, detail)`; LIMITS is their order.
Source of the arithmetic: Kubernetes pkg/controller/podautoscaler/horizontal.go; Knative serving pkg/autoscaler.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from alerts.autoscale.decision import Alternative, BurstView, Change, Clamp, Limit, State
from alerts.autoscale.memory import has_watched_a_window, recent, watched_since_ms
from alerts.autoscale.policy import ChangeLimit, ChangeUnit, Policy, ScalingRules, SelectChange
from monitor.model.durations import format_duration

Limited = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Situation:
    """What the limits look at. `replicas` is the current count, None if unknown; `load` is that of all replicas."""

    policy: Policy
    state: State
    replicas: int | None
    load: float
    burst: BurstView | None
    now_ms: int


def apply_limits(situation: Situation, raw_desired: int) -> tuple[Clamp, ...]:
    """Every limit in order, each on the result of the one before."""
    clamps: list[Clamp] = []
    replicas = raw_desired
    for limit, apply in LIMITS:
        after, detail = apply(situation, replicas)
        clamps.append(Clamp(limit, replicas, after, detail))
        replicas = after
    return tuple(clamps)


def apply_bounds(situation: Situation, replicas: int) -> tuple[Clamp, ...]:
    """Only the bounds, which hold whether there is data or not: they are the operator's word, not a measurement."""
    capped, capped_detail = _maximum(situation, replicas)
    floored, floored_detail = _minimum(situation, capped)
    return (
        Clamp(Limit.MAXIMUM, replicas, capped, capped_detail),
        Clamp(Limit.MINIMUM, capped, floored, floored_detail),
    )


def alternatives(situation: Situation, raw_desired: int) -> tuple[Alternative, ...]:
    return tuple(Alternative(limit, apply(situation, raw_desired)[0]) for limit, apply in LIMITS)


def _tolerance(situation: Situation, replicas: int) -> Limited:
    current = situation.replicas
    if not current:
        return replicas, "no current replicas to compare with"
    policy = situation.policy
    ratio = situation.load / (policy.target * current)
    tolerance = policy.up.tolerance if ratio > 1 else policy.down.tolerance
    detail = f"load is {ratio:.6g} of what {current} replicas should carry, tolerance {tolerance:g}"
    return (current if abs(1 - ratio) <= tolerance else replicas), detail


def _stabilization(situation: Situation, replicas: int) -> Limited:
    """Up only to the lowest count recommended in the up window, down only to the highest in the down window."""
    policy, now_ms = situation.policy, situation.now_ms
    up_window_ms, down_window_ms = policy.up.stabilization_window_ms, policy.down.stabilization_window_ms
    lowest = min([replicas, *recent(situation.state.recommendations, up_window_ms, now_ms)])
    highest = max([replicas, *recent(situation.state.recommendations, down_window_ms, now_ms)])
    detail = (
        f"lowest of the last {format_duration(up_window_ms)} is {lowest}, "
        f"highest of the last {format_duration(down_window_ms)} is {highest}"
    )
    if situation.replicas is None:
        return highest, detail
    return min(max(situation.replicas, lowest), highest), detail


def _change_rate(situation: Situation, replicas: int) -> Limited:
    current = situation.replicas
    if current is None or replicas == current:
        return replicas, "no change to limit"
    rules = situation.policy.up if replicas > current else situation.policy.down
    if rules.select is SelectChange.DISABLED:
        return current, "changes in this direction are disabled"
    if not rules.change_limits:
        return replicas, "no change limits"
    if replicas > current:
        allowed = max(current, _allowed(situation, rules, current, sign=1))
        return min(replicas, allowed), f"at most {allowed} allowed now"
    allowed = min(current, _allowed(situation, rules, current, sign=-1))
    return max(replicas, allowed), f"at least {allowed} allowed now"


def _allowed(situation: Situation, rules: ScalingRules, current: int, sign: int) -> int:
    """The count that change limits allow, the farthest from `current` or the nearest. `sign` 1 is up, -1 down."""
    counts = [_allowed_by(situation, limit, current, sign) for limit in rules.change_limits]
    takes_highest = (sign > 0) == (rules.select is SelectChange.MAX)
    return max(counts) if takes_highest else min(counts)


def _allowed_by(situation: Situation, limit: ChangeLimit, current: int, sign: int) -> int:
    """Percentages round away from the present count, as HPA's do."""
    start = _replicas_at_period_start(situation, limit, current)
    if limit.unit is ChangeUnit.REPLICAS:
        return start + sign * limit.value
    scaled = start * (100 + sign * limit.value)
    return -(-scaled // 100) if sign > 0 else max(0, scaled // 100)


def _replicas_at_period_start(situation: Situation, limit: ChangeLimit, current: int) -> int:
    """The current count without what was added and with what was removed in the limit's period."""
    now_ms = situation.now_ms
    recent_changes = (c for c in situation.state.changes if now_ms - limit.period_ms < c.at_ms <= now_ms)
    return current - sum(map(_growth, recent_changes))


def _growth(change: Change) -> int:
    return change.after - change.before


def _burst(situation: Situation, replicas: int) -> Limited:
    burst = situation.burst
    if burst is None or not burst.is_active:
        return replicas, "no burst"
    left_seconds = max(0, burst.until_ms - situation.now_ms) / 1000
    return max(replicas, burst.peak), f"burst peak {burst.peak} is held for {left_seconds:g} s more"


def _watching(situation: Situation, replicas: int) -> Limited:
    policy, current = situation.policy, situation.replicas
    if has_watched_a_window(policy, situation.state, situation.now_ms):
        return replicas, "a full scale-down window has been watched"
    watched_ms = situation.now_ms - watched_since_ms(policy, situation.state, situation.now_ms)
    window = format_duration(policy.down.stabilization_window_ms)
    assert current is not None, "BUG: got no replica count before a window was watched, want a hold"
    detail = f"{format_duration(watched_ms)} of {window} watched without a gap: nothing scales down yet"
    return max(replicas, current), detail


def _maximum(situation: Situation, replicas: int) -> Limited:
    maximum = situation.policy.max_replicas
    return min(replicas, maximum), f"at most {maximum}"


def _minimum(situation: Situation, replicas: int) -> Limited:
    minimum = situation.policy.min_replicas
    return max(replicas, minimum), f"at least {minimum}"


LIMITS: tuple[tuple[Limit, Callable[[Situation, int], Limited]], ...] = (
    (Limit.TOLERANCE, _tolerance),
    (Limit.STABILIZATION, _stabilization),
    (Limit.CHANGE_RATE, _change_rate),
    (Limit.BURST, _burst),
    (Limit.WATCHING, _watching),
    (Limit.MAXIMUM, _maximum),
    (Limit.MINIMUM, _minimum),
)


def ceil_ratio(load: float, target: float) -> int:
    """How many replicas carry `load` at `target` each: ceil(load / target), from 0 to 2^31 - 1.

    A ratio within a billionth above a whole number counts as that number: rates summed in another order differ by
    more than that has ever meant in replicas, and 1.1 / 0.1 is 11.000000000000002 in floating point.
    """
    ratio = load / target
    if ratio <= 0:
        return 0
    if ratio >= REPLICAS_MAX:
        return REPLICAS_MAX
    whole = round(ratio)
    return whole if abs(ratio - whole) <= RATIO_EPSILON * max(1.0, ratio) else math.ceil(ratio)


RATIO_EPSILON = 1e-9
REPLICAS_MAX = 2**31 - 1
