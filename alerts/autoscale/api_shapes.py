"""What the scaling routes answer, as plain data ready for JSON; numbers that JSON has no word for become null.

`GET /api/v1/scale/{policy}` can be read by KEDA's metrics-api scaler: `valueLocation: value` with the policy's target
as `targetValue`. It answers 503 when there is no fresh value, for then KEDA counts a failure and its fallback takes
over; an old value with status 200 would scale on what is no longer true.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alerts.autoscale.breaker import BreakerPosition
from alerts.autoscale.control_loop import PolicyStatus
from alerts.autoscale.decision import Decision, Trust
from alerts.autoscale.explain import binding, summary
from alerts.autoscale.history import StoredDecision
from alerts.autoscale.stored_form import plain
from monitor.model.durations import rfc3339


class ApiAnswer(NamedTuple):
    """An HTTP status and a JSON body."""

    status: int
    body: Mapping[str, Any]


def scale_answer(status: PolicyStatus, now_ms: int) -> ApiAnswer:
    """`GET /api/v1/scale/{policy}`: 200 with a fresh value, otherwise 503 with the same shape."""
    body = _policy_shape(status, now_ms)
    return ApiAnswer(200 if body["state"] != Trust.HOLD.value else 503, body)


def policies_answer(statuses: Sequence[PolicyStatus], now_ms: int) -> ApiAnswer:
    """`GET /api/v1/scale`: all policies, in the order of the configuration."""
    return ApiAnswer(200, {"policies": [_policy_shape(status, now_ms) for status in statuses]})


def decisions_answer(decisions: Sequence[StoredDecision]) -> ApiAnswer:
    """`GET /api/v1/scale/{policy}/decisions?limit&before`: newest first; `next_before` continues, null at the end."""
    shapes = [decision_shape(stored) for stored in decisions]
    following = decisions[-1].seq if decisions and decisions[-1].seq > 1 else None
    return ApiAnswer(200, {"decisions": shapes, "next_before": following})


def decision_shape(stored: StoredDecision) -> dict[str, Any]:
    """One stored decision with its full reasons."""
    return {
        "decision_id": stored.decision_id,
        "decision_seq": stored.seq,
        "outcome": stored.outcome.value,
        "expires_at": rfc3339(stored.expires_at_ms),
        "claimed_at": _time(stored.claimed_at_ms),
        "finished_at": _time(stored.finished_at_ms),
        "receipt": {"replicas": stored.receipt_replicas, "detail": stored.receipt_detail},
        "formula_version": stored.formula_version,
        **_reasons(stored.decision),
        "made_from": json_ready({"state": plain(stored.state), "observation": plain(stored.observation)}),
    }


def json_ready(value: Any) -> Any:
    """`value` with NaN and infinities as null, as strict JSON parsers want it."""
    if isinstance(value, dict):
        return {key: json_ready(item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_ready(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _policy_shape(status: PolicyStatus, now_ms: int) -> dict[str, Any]:
    policy, decision = status.policy, status.decision
    age_seconds = None if status.value_at_ms is None else (now_ms - status.value_at_ms) / 1000
    return {
        "policy": policy.name,
        "value": status.value,
        "target": policy.target,
        "desired": decision.desired if decision else None,
        "replicas": decision.inputs.replicas if decision else None,
        "age_seconds": age_seconds,
        "state": _trust(status, age_seconds).value,
        "reason": decision.reason.value if decision else None,
        "explanation": summary(decision) if decision else "not evaluated yet",
        "min_replicas": policy.min_replicas,
        "max_replicas": policy.max_replicas,
        "dry_run": policy.dry_run,
        "breaker": status.breaker.value,
        "last_outcome": status.last_outcome.value if status.last_outcome else None,
        "last_error": status.last_error or None,
        "decision_seq": status.recorded_seq,
        "evaluated_at": rfc3339(decision.at_ms) if decision else None,
    }


def _trust(status: PolicyStatus, age_seconds: float | None) -> Trust:
    """The decision's trust, unless its value has grown old since or its orders do not get through."""
    decision = status.decision
    if decision is None or age_seconds is None or decision.trust is Trust.HOLD:
        return Trust.HOLD
    if abs(age_seconds) * 1000 > status.policy.metric_max_age_ms:
        return Trust.HOLD
    return Trust.DEGRADED if status.breaker is not BreakerPosition.CLOSED else decision.trust


def _reasons(decision: Decision) -> dict[str, Any]:
    shape: dict[str, Any] = json_ready(plain(decision))
    del shape["at_ms"], shape["recommendation"], shape["trust"]
    return {
        **shape,
        "at": rfc3339(decision.at_ms),
        "state": decision.trust.value,
        "explanation": summary(decision),
        "binding_limits": [clamp.limit.value for clamp in binding(decision)],
    }


def _time(timestamp_ms: int | None) -> str | None:
    return None if timestamp_ms is None else rfc3339(timestamp_ms)
