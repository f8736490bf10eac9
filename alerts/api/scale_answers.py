"""What `/api/v1/scale` answers about the scaling policies in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from alerts.autoscale.api_shapes import ApiAnswer, decisions_answer, policies_answer, scale_answer
from alerts.autoscale.control_loop import PolicyStatus
from alerts.autoscale.history import StoredDecision
from monitor.clock import Clock
from monitor.errors import NotFound


class Policies(Protocol):
    """The policies in force; called on the event loop."""

    def statuses(self) -> Sequence[PolicyStatus]: ...

    def status(self, policy: str) -> PolicyStatus | None: ...


class Decisions(Protocol):
    """What was decided; called in a thread."""

    def page(self, policy: str, limit: int, before: int | None = None) -> Sequence[StoredDecision]: ...


class ScaleAnswers:
    """HTTP statuses and JSON bodies. Raises NotFound for a policy that is not in force."""

    def __init__(self, policies: Policies, decisions: Decisions, clock: Clock) -> None:
        self._policies = policies
        self._decisions = decisions
        self._clock = clock

    async def policies(self) -> ApiAnswer:
        return policies_answer(self._policies.statuses(), self._clock.now_ms())

    async def policy(self, name: str) -> ApiAnswer:
        return scale_answer(self._status(name), self._clock.now_ms())

    async def decisions(self, name: str, limit: int, before: int | None) -> ApiAnswer:
        self._status(name)
        return decisions_answer(await asyncio.to_thread(self._decisions.page, name, limit, before))

    def _status(self, name: str) -> PolicyStatus:
        status = self._policies.status(name)
        if status is None:
            raise NotFound(f"got scaling policy {name!r}, want one of those in force")
        return status
