"""Looks at the world for one policy: its expressions, and how many replicas there are."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from alerts.autoscale.actuators.actuator import Actuator, ReplicaCount
from alerts.autoscale.decision import Observation, Reading, ReplicasSource
from alerts.autoscale.policy import Policy
from alerts.autoscale.query import InstantAnswer, InstantQuery, reading_of
from monitor.errors import DeliveryError, PlimsollError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    """How long one look may take."""

    query_timeout_seconds: float = 10.0
    actuator_timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Hearsay:
    """Replica counts to fall back on: what the receiver reported, what it was asked for."""

    reported: int | None = None
    asked: int | None = None


class Observer:
    """Never raises for a world that does not answer: that is an observation, too."""

    def __init__(
        self, policy: Policy, query: InstantQuery, actuator: Actuator | None, settings: ObserveSettings
    ) -> None:
        self._policy = policy
        self._query = query
        self._actuator = actuator
        self._settings = settings
        self._running: dict[str, asyncio.Future[InstantAnswer]] = {}

    async def observe(self, hearsay: Hearsay, now_ms: int) -> Observation:
        reading = await self._read(self._policy.expression, now_ms)
        burst = self._policy.burst
        burst_reading = await self._read(burst.expression, now_ms) if burst else None
        count = await self._count()
        if count is not None:
            return Observation(reading, burst_reading, count.replicas, count.ready, ReplicasSource.ACTUATOR)
        replicas, source = _fall_back(hearsay)
        return Observation(reading, burst_reading, replicas, None, source)

    async def _read(self, expression: str, now_ms: int) -> Reading:
        """A query that does not end keeps its thread; until it does, no second one is started for its expression."""
        previous = self._running.get(expression)
        if previous is not None and not previous.done():
            return Reading(error="the previous query has not ended")
        answer = asyncio.get_running_loop().run_in_executor(None, self._query.query, expression, now_ms)
        answer.add_done_callback(_retrieve)
        self._running[expression] = answer
        timeout_seconds = self._settings.query_timeout_seconds
        try:
            return reading_of(await asyncio.wait_for(asyncio.shield(answer), timeout_seconds))
        except TimeoutError:
            return Reading(error=f"no answer within {timeout_seconds:g} s")
        except PlimsollError as error:
            return Reading(error=str(error) or type(error).__name__)

    async def _count(self) -> ReplicaCount | None:
        if self._actuator is None:
            return None
        try:
            return await asyncio.wait_for(self._actuator.observe(), self._settings.actuator_timeout_seconds)
        except (TimeoutError, DeliveryError) as error:
            logger.warning("policy %s: cannot see the replicas: %s", self._policy.name, error or "no answer in time")
            return None


def _fall_back(hearsay: Hearsay) -> tuple[int | None, ReplicasSource]:
    if hearsay.reported is not None:
        return hearsay.reported, ReplicasSource.RECEIPT
    if hearsay.asked is not None:
        return hearsay.asked, ReplicasSource.ASSUMED
    return None, ReplicasSource.UNKNOWN


def _retrieve(answer: asyncio.Future[InstantAnswer]) -> None:
    """Takes note of a late failure, which asyncio would otherwise report as never retrieved."""
    if not answer.cancelled():
        answer.exception()
