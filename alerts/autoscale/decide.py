"""How many replicas? One pure function: the same policy, state, observation and time always give the same decision.

The arithmetic is HPA v2's for an external metric with an AverageValue target: ceil(value / target), a tolerance band
around what the current replicas should carry, stabilization windows over earlier recommendations, change limits,
bounds. Where HPA and KEDA scale on what they do not know, this holds: no data, NaN, old, partial or several values
leave the last desired count standing, and after a start or an outage nothing scales down before a full
scale-down window has been watched again.
"""

from __future__ import annotations

import math
from dataclasses import replace

from alerts.autoscale.decision import (
    BurstView,
    Clamp,
    Decision,
    Direction,
    Inputs,
    Observation,
    Reading,
    Reason,
    State,
    Trust,
)
from alerts.autoscale.limits import Situation, alternatives, apply_bounds, apply_limits, ceil_ratio
from alerts.autoscale.memory import has_watched_a_window
from alerts.autoscale.policy import Burst, Policy
from monitor.model.durations import format_duration


def decide(policy: Policy, state: State, observation: Observation, now_ms: int) -> Decision:
    """The decision at `now_ms`. `advance` in memory.py gives the state after it."""
    fault = reading_fault(policy, observation.reading, now_ms)
    if fault is not None:
        return _hold(policy, state, observation, fault, now_ms)
    load = observation.reading.value
    assert load is not None, "BUG: got a reading without fault and without value"
    raw_desired = ceil_ratio(load, policy.target)
    burst = _burst_view(policy, state, observation, raw_desired, now_ms)
    situation = Situation(policy, state, observation.replicas, load, burst, now_ms)
    if observation.replicas is None and not has_watched_a_window(policy, state, now_ms):
        return _wait_and_watch(situation, observation, raw_desired)
    return _track(situation, observation, raw_desired)


def reading_fault(policy: Policy, reading: Reading, now_ms: int) -> Reason | None:
    """Why `reading` must not move anything; None if it may. A sample from the future is as wrong as an old one."""
    if reading.error:
        return Reason.QUERY_FAILED
    if reading.elements > 1:
        return Reason.NOT_A_SINGLE_VALUE
    if reading.value is None:
        return Reason.NO_DATA
    if not math.isfinite(reading.value):
        return Reason.NOT_A_NUMBER
    if reading.timestamp_ms is not None and abs(now_ms - reading.timestamp_ms) > policy.metric_max_age_ms:
        return Reason.STALE
    return Reason.PARTIAL if reading.warning else None


def _track(situation: Situation, observation: Observation, raw_desired: int) -> Decision:
    clamps = apply_limits(situation, raw_desired)
    binding = [clamp for clamp in clamps if clamp.before != clamp.after]
    desired = clamps[-1].after
    burst_fault = situation.burst.fault if situation.burst else None
    watched = has_watched_a_window(situation.policy, situation.state, situation.now_ms)
    return Decision(
        policy=situation.policy.name,
        at_ms=situation.now_ms,
        inputs=_inputs(situation.policy, observation, situation.now_ms),
        raw_desired=raw_desired,
        formula=_formula(situation, raw_desired),
        clamps=clamps,
        desired=desired,
        direction=_direction(desired, situation.replicas),
        reason=Reason(binding[-1].limit.value) if binding else Reason.TARGET,
        trust=Trust.FRESH if watched and burst_fault is None else Trust.DEGRADED,
        detail=binding[-1].detail if binding else "no limit changes it",
        alternatives=alternatives(situation, raw_desired),
        min_replicas=situation.policy.min_replicas,
        max_replicas=situation.policy.max_replicas,
        dry_run=situation.policy.dry_run,
        recommendation=_recommendation(clamps, situation.burst),
        burst=situation.burst,
    )


def _recommendation(clamps: tuple[Clamp, ...], burst: BurstView | None) -> int:
    """What later windows remember: the count before stabilization, as HPA records it, or a higher burst."""
    tolerated = clamps[0].after
    return max(tolerated, burst.peak) if burst and burst.is_active else tolerated


def _wait_and_watch(situation: Situation, observation: Observation, raw_desired: int) -> Decision:
    """Good data, but no replica count to compare with: any number could be a scale-down, so none is given yet."""
    policy = situation.policy
    window = format_duration(policy.down.stabilization_window_ms)
    held = _hold(policy, situation.state, observation, Reason.WATCHING, situation.now_ms)
    return replace(
        held,
        raw_desired=raw_desired,
        formula=_formula(situation, raw_desired),
        trust=Trust.DEGRADED,
        detail=f"current replicas unknown: watching for {window} before the first count is asked for",
        recommendation=max(raw_desired, situation.burst.peak if situation.burst else 0),
        burst=situation.burst,
    )


def _hold(policy: Policy, state: State, observation: Observation, fault: Reason, now_ms: int) -> Decision:
    """The last desired count, or what runs if that is more; only the bounds still apply."""
    known = [count for count in (state.last_desired, observation.replicas) if count is not None]
    situation = Situation(policy, state, observation.replicas, math.nan, None, now_ms)
    clamps = apply_bounds(situation, max(known)) if known else ()
    desired = clamps[-1].after if clamps else None
    formula = f"hold at {max(known)}" if known else "hold: no earlier decision and no replica count"
    return Decision(
        policy=policy.name,
        at_ms=now_ms,
        inputs=_inputs(policy, observation, now_ms),
        raw_desired=None,
        formula=formula,
        clamps=clamps,
        desired=desired,
        direction=_direction(desired, observation.replicas),
        reason=fault,
        trust=Trust.HOLD,
        detail=_fault_detail(policy, observation.reading, fault, now_ms),
        alternatives=(),
        min_replicas=policy.min_replicas,
        max_replicas=policy.max_replicas,
        dry_run=policy.dry_run,
    )


def _inputs(policy: Policy, observation: Observation, now_ms: int) -> Inputs:
    reading = observation.reading
    age_ms = None if reading.timestamp_ms is None else now_ms - reading.timestamp_ms
    return Inputs(
        expression=policy.expression,
        value=reading.value,
        age_seconds=None if age_ms is None else age_ms / 1000,
        target=policy.target,
        replicas=observation.replicas,
        replicas_source=observation.replicas_source,
        ready_replicas=observation.ready_replicas,
    )


def _burst_view(
    policy: Policy, state: State, observation: Observation, raw_desired: int, now_ms: int
) -> BurstView | None:
    """Knative's panic mode: entered and extended while the short window asks for a multiple of what is ready."""
    if policy.burst is None:
        return None
    reading = observation.burst_reading or Reading()
    fault = reading_fault(policy, reading, now_ms)
    if fault is not None or reading.value is None:
        was_active = now_ms <= state.burst_until_ms
        return BurstView(reading.value, None, was_active, state.burst_until_ms, state.burst_peak, fault)
    desired = ceil_ratio(reading.value, policy.target)
    is_over = _is_burst(policy.burst, desired, observation)
    until_ms = now_ms + policy.burst.hold_ms if is_over else state.burst_until_ms
    was_active = now_ms <= state.burst_until_ms
    peak = max(state.burst_peak if was_active else 0, desired, raw_desired)
    return BurstView(reading.value, desired, now_ms <= until_ms, until_ms, peak)


def _is_burst(burst: Burst, desired: int, observation: Observation) -> bool:
    ready = observation.ready_replicas if observation.ready_replicas is not None else observation.replicas
    return desired / max(1, ready or 0) >= burst.threshold


def _direction(desired: int | None, replicas: int | None) -> Direction:
    if desired is None or desired == replicas:
        return Direction.NONE
    if replicas is None:
        return Direction.UNKNOWN
    return Direction.UP if desired > replicas else Direction.DOWN


def _formula(situation: Situation, raw_desired: int) -> str:
    return f"ceil({situation.load:.12g} / {situation.policy.target:.12g}) = {raw_desired}"


def _fault_detail(policy: Policy, reading: Reading, fault: Reason, now_ms: int) -> str:
    if fault is Reason.QUERY_FAILED:
        return reading.error
    if fault is Reason.NOT_A_SINGLE_VALUE:
        return f"the expression gives {reading.elements} elements, want one: aggregate it"
    if fault is Reason.NOT_A_NUMBER:
        return f"the value is {reading.value}"
    if fault is Reason.STALE and reading.timestamp_ms is not None:
        age_seconds = (now_ms - reading.timestamp_ms) / 1000
        return f"the newest sample is {age_seconds:g} s old, at most {policy.metric_max_age_ms / 1000:g} s are allowed"
    if fault is Reason.PARTIAL:
        return f"the answer is not complete: {reading.warning}"
    return "the expression gives no element"
