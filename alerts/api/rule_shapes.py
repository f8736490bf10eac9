"""What `/api/v1/rules` and `/api/v1/alerts` answer, in Prometheus's shapes: values that JSON can hold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from alerts.alert_state import Alert, AlertState
from alerts.group_state import GroupStatus, RuleStatus
from alerts.rules import AlertingRule, RecordingRule, Rule
from monitor.errors import BadRequest
from monitor.model.durations import rfc3339
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher

NEVER = "0001-01-01T00:00:00Z"
_KINDS: Mapping[str, tuple[type[Rule], ...]] = {
    "": (AlertingRule, RecordingRule),
    "alert": (AlertingRule,),
    "record": (RecordingRule,),
}
# strconv.ParseBool
_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("", "0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """Which rules are asked for; an empty part asks for all. Of `matcher_sets` one set must match the rule's labels."""

    kinds: tuple[type[Rule], ...] = (AlertingRule, RecordingRule)
    rule_names: frozenset[str] = frozenset()
    group_names: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    matcher_sets: tuple[tuple[Matcher, ...], ...] = ()
    exclude_alerts: bool = False
    group_limit: int = 0
    group_next_token: str = ""

    def takes(self, rule: Rule) -> bool:
        if not isinstance(rule, self.kinds) or (self.rule_names and rule.name not in self.rule_names):
            return False
        labels = Labels(rule.label_texts)
        return not self.matcher_sets or any(
            all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers) for matchers in self.matcher_sets
        )

    def takes_group(self, status: GroupStatus) -> bool:
        group = status.group
        return (not self.group_names or group.name in self.group_names) and (not self.files or group.file in self.files)


def rule_filter(
    parameters: Mapping[str, Sequence[str]], matcher_sets: tuple[tuple[Matcher, ...], ...] = ()
) -> RuleFilter:
    """The filter in the query parameters of `/api/v1/rules`; those of `match[]` come parsed, for they are PromQL.

    Raises BadRequest in Prometheus's words.
    """
    kind = _one(parameters, "type").lower()
    if kind not in _KINDS:
        raise BadRequest(f'invalid parameter "type": not supported value "{kind}"')
    exclude_alerts = _one(parameters, "exclude_alerts")
    if exclude_alerts not in _FLAGS:
        raise _invalid(
            "exclude_alerts", f'error converting exclude_alerts: strconv.ParseBool: parsing "{exclude_alerts}"'
        )
    limit, token = _one(parameters, "group_limit"), _one(parameters, "group_next_token")
    if token and not limit:
        message = "group_limit needs to be present in order to paginate over the groups"
        raise BadRequest(f'invalid parameter "group_next_token": {message}')
    return RuleFilter(
        kinds=_KINDS[kind],
        rule_names=frozenset(parameters.get("rule_name[]", ())),
        group_names=frozenset(parameters.get("rule_group[]", ())),
        files=frozenset(parameters.get("file[]", ())),
        matcher_sets=matcher_sets,
        exclude_alerts=_FLAGS[exclude_alerts],
        group_limit=_group_limit(limit) if limit else 0,
        group_next_token=token,
    )


def _one(parameters: Mapping[str, Sequence[str]], name: str) -> str:
    values = parameters.get(name, ())
    return values[0] if values else ""


def _invalid(name: str, reason: str) -> BadRequest:
    return BadRequest(f'invalid parameter "{name}": {reason}: invalid syntax')


def _group_limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        reason = f'group_limit needs to be a valid number: strconv.ParseInt: parsing "{text}"'
        raise _invalid("group_limit", reason) from None
    if limit <= 0:
        raise BadRequest('invalid parameter "group_limit": group_limit needs to be greater than 0')
    return limit


def rules_json(statuses: Sequence[GroupStatus], wanted: RuleFilter) -> dict[str, object]:
    """The `data` of `/api/v1/rules`. Raises BadRequest if there is no group for the token."""
    page = list(statuses)
    if wanted.group_next_token:
        tokens = [_token(status) for status in page]
        if wanted.group_next_token not in tokens:
            message = f"invalid group_next_token '{wanted.group_next_token}'. were rule groups changed?"
            raise BadRequest(f'invalid parameter "group_next_token": {message}')
        page = page[tokens.index(wanted.group_next_token) :]
    shown = [(status, _rules(status, wanted)) for status in page if wanted.takes_group(status)]
    shown = [(status, rules) for status, rules in shown if rules]
    limit = wanted.group_limit or len(shown)
    data: dict[str, object] = {"groups": [_group_json(status, rules) for status, rules in shown[:limit]]}
    if len(shown) > limit:
        data["groupNextToken"] = _token(shown[limit][0])
    return data


def alerts_json(statuses: Sequence[GroupStatus]) -> dict[str, object]:
    """The `data` of `/api/v1/alerts`: the pending and firing alerts of all rules."""
    alerts = [alert_json(alert) for status in statuses for rule in status.rules for alert in rule.alerts]
    return {"alerts": alerts}


def _token(status: GroupStatus) -> str:
    return hashlib.sha1(status.group.key.encode(), usedforsecurity=False).hexdigest()


def _rules(status: GroupStatus, wanted: RuleFilter) -> list[dict[str, object]]:
    return [_rule_json(rule, wanted) for rule in status.rules if wanted.takes(rule.rule)]


def _group_json(status: GroupStatus, rules: list[dict[str, object]]) -> dict[str, object]:
    return {
        "name": status.group.name,
        "file": status.group.file,
        "rules": rules,
        "interval": _seconds(status.group.interval_ms),
        "limit": status.group.limit,
        "evaluationTime": status.evaluation_seconds,
        "lastEvaluation": _time(status.last_evaluated_ms),
    }


def _rule_json(status: RuleStatus, wanted: RuleFilter) -> dict[str, object]:
    rule = status.rule
    outcome: dict[str, object] = {"health": status.health.value}
    if status.last_error:
        outcome["lastError"] = status.last_error
    outcome["evaluationTime"] = status.evaluation_seconds
    outcome["lastEvaluation"] = _time(status.last_evaluated_ms)
    common = {"name": rule.name, "query": rule.expression, "labels": dict(rule.label_texts)}
    if isinstance(rule, RecordingRule):
        return {**common, **outcome, "type": "recording"}
    return {
        "state": _rule_state(status),
        **common,
        "duration": _seconds(rule.for_ms),
        "keepFiringFor": _seconds(rule.keep_firing_for_ms),
        "annotations": {name: template.text for name, template in rule.annotations},
        "alerts": None if wanted.exclude_alerts else [alert_json(alert) for alert in status.alerts],
        **outcome,
        "type": "alerting",
    }


def _rule_state(status: RuleStatus) -> str:
    """The most urgent state of the rule's alerts; `unknown` before the first evaluation."""
    states = {alert.state for alert in status.alerts}
    if AlertState.FIRING in states:
        return "firing"
    if AlertState.PENDING in states:
        return "pending"
    return "unknown" if status.last_evaluated_ms is None else "inactive"


def alert_json(alert: Alert) -> dict[str, object]:
    """One element of `alerts`."""
    shape: dict[str, object] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state.value,
        "activeAt": rfc3339(alert.active_at_ms),
    }
    if alert.keep_firing_since_ms is not None:
        shape["keepFiringSince"] = rfc3339(alert.keep_firing_since_ms)
    return {**shape, "value": exponent_text(alert.value)}


def exponent_text(value: float) -> str:
    """`1e+00`, `1.25e-07`, `NaN`, `+Inf`: Go's shortest scientific notation."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), f"BUG: got {value!r}, want a finite number"
    text = "".join(map(str, digits))
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    magnitude = 0 if value == 0 else exponent + len(digits) - 1
    return f"{'-' if sign else ''}{mantissa}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"


def _seconds(duration_ms: int) -> int | float:
    return duration_ms / 1000 if duration_ms % 1000 else duration_ms // 1000


def _time(timestamp_ms: int | None) -> str:
    return NEVER if timestamp_ms is None else rfc3339(timestamp_ms)
