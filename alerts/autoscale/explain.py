"""A decision in one sentence and in steps, for people. Everything here is read from the decision itself."""

from __future__ import annotations

from alerts.autoscale.decision import Clamp, Decision, Direction, Trust


def summary(decision: Decision) -> str:
    """Such as `47 replicas (up from 31): ceil(4650 / 100) = 47`."""
    if decision.desired is None:
        return f"no count: {decision.detail}"
    moves = {
        Direction.UP: f" (up from {decision.inputs.replicas})",
        Direction.DOWN: f" (down from {decision.inputs.replicas})",
        Direction.NONE: " (no change)",
        Direction.UNKNOWN: " (current count unknown)",
    }
    text = f"{decision.desired} replicas{moves[decision.direction]}: {decision.formula}"
    if decision.trust is Trust.HOLD:
        return f"{text}: {decision.detail}"
    return "".join([text, *(f"; {_step(clamp)}" for clamp in binding(decision))])


def binding(decision: Decision) -> list[Clamp]:
    """The limits that changed the count, in order."""
    return [clamp for clamp in decision.clamps if clamp.before != clamp.after]


def _step(clamp: Clamp) -> str:
    return f"{clamp.limit.value} makes it {clamp.after} ({clamp.detail})"
