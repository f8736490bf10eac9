"""`/api/v1/scale`: what each scaling policy wants, and why it decided as it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import orjson
from fastapi import APIRouter, Path, Query, Response
from fastapi.concurrency import run_in_threadpool

from alerts.autoscale.api_shapes import ApiAnswer, decisions_answer, policies_answer, scale_answer
from alerts.autoscale.control_loop import PolicyStatus
from alerts.autoscale.history import PAGE_MAX, StoredDecision
from monitor.clock import Clock
from monitor.errors import NotFound

PolicyName = Annotated[str, Path(description="Name of a scaling policy.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Most decisions in the answer.")]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next_before` of the page before.")]


class Policies(Protocol):
    """The policies in force; called on the event loop."""

    def statuses(self) -> Sequence[PolicyStatus]: ...

    def status(self, policy: str) -> PolicyStatus | None: ...


class Decisions(Protocol):
    """What was decided; called in a thread."""

    def page(self, policy: str, limit: int, before: int | None = None) -> Sequence[StoredDecision]: ...


def scale_router(policies: Policies, decisions: Decisions, clock: Clock) -> APIRouter:
    """Routes over the scaling policies. Unknown policies leave them as NotFound: the application shapes errors."""
    router = APIRouter(prefix="/api/v1/scale", tags=["scaling"])

    @router.get("", summary="All policies as they stand", response_class=Response)
    async def all_policies() -> Response:
        return _response(policies_answer(policies.statuses(), clock.now_ms()))

    @router.get(
        "/{policy}",
        summary="One policy as it stands, for KEDA's metrics-api trigger",
        description="503 with the same body while there is no fresh value, so that the caller's fallback takes over.",
        response_class=Response,
    )
    async def one_policy(policy: PolicyName) -> Response:
        return _response(scale_answer(_status(policies, policy), clock.now_ms()))

    @router.get("/{policy}/decisions", summary="Its decisions, the newest first", response_class=Response)
    async def its_decisions(policy: PolicyName, limit: Limit = 100, before: Before = None) -> Response:
        _status(policies, policy)
        return await run_in_threadpool(lambda: _response(decisions_answer(decisions.page(policy, limit, before))))

    return router


def _status(policies: Policies, policy: str) -> PolicyStatus:
    status = policies.status(policy)
    if status is None:
        raise NotFound(f"got scaling policy {policy!r}, want one of those in force")
    return status


def _response(answer: ApiAnswer) -> Response:
    return Response(orjson.dumps(answer.body), answer.status, media_type="application/json")
