"""`/api/v1/rules` and `/api/v1/alerts`, as Prometheus serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from alerts.api.rule_shapes import alerts_json, rule_filter, rules_json
from alerts.group_state import GroupStatus
from monitor.promql.syntax.matcher_sets import parse_matcher_sets

Statuses = Callable[[], Sequence[GroupStatus]]
"""The rule groups in the order of their files; called on the event loop."""


def rule_router(statuses: Statuses) -> APIRouter:
    """Routes over the rule groups. Errors leave them as errors of monitor.errors: the application shapes them."""
    router = APIRouter(prefix="/api/v1", tags=["rules"])

    @router.get("/rules", summary="Rules with their state", response_class=Response)
    async def rules(
        kind: Annotated[str, Query(alias="type", description="`alert` or `record`; all if empty.")] = "",
        rule_name: Annotated[list[str], Query(alias="rule_name[]", description="Only rules of these names.")] = [],  # noqa: B006
        rule_group: Annotated[list[str], Query(alias="rule_group[]", description="Only these groups.")] = [],  # noqa: B006
        file: Annotated[list[str], Query(alias="file[]", description="Only groups of these files.")] = [],  # noqa: B006
        match: Annotated[list[str], Query(alias="match[]", description="Selectors of rules by their labels.")] = [],  # noqa: B006
        exclude_alerts: Annotated[str, Query(description="`true` leaves the alerts out.")] = "",
        group_limit: Annotated[str, Query(description="Most groups; the answer then holds `groupNextToken`.")] = "",
        group_next_token: Annotated[str, Query(description="`groupNextToken` of the page before.")] = "",
    ) -> Response:
        parameters: Mapping[str, Sequence[str]] = {
            "type": [kind],
            "rule_name[]": rule_name,
            "rule_group[]": rule_group,
            "file[]": file,
            "exclude_alerts": [exclude_alerts],
            "group_limit": [group_limit],
            "group_next_token": [group_next_token],
        }
        wanted = rule_filter(parameters, parse_matcher_sets(match))
        groups = statuses()
        return await run_in_threadpool(lambda: _success(rules_json(groups, wanted)))

    @router.get("/alerts", summary="Pending and firing alerts", response_class=Response)
    async def alerts() -> Response:
        groups = statuses()
        return await run_in_threadpool(lambda: _success(alerts_json(groups)))

    return router


def _success(data: object) -> Response:
    return Response(orjson.dumps({"status": "success", "data": data}), media_type="application/json")
