"""The seam between a decision and what carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from alerts.autoscale.decision import Decision


@dataclass(frozen=True, slots=True)
class Order:
    """A claimed decision on its way to an actuator. `desired` is absolute: carrying it out twice changes nothing.

    `decision_seq` rises with every stored decision of the policy. At `expires_at_ms` (exclusive) the order is void.
    """

    decision_id: str
    decision_seq: int
    desired: int
    decision: Decision
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """`replicas` is the number that is being worked towards, `ready` how many of them serve (None if unknown)."""

    replicas: int
    ready: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order's result. `replicas` is what the receiver says it has now, None if it does not say.

    Not `accepted` is an answer, such as "I know a newer decision", and no failure of the receiver.
    """

    accepted: bool
    replicas: int | None = None
    detail: str = ""
    attempts: int = 1


class Actuator(Protocol):
    """What changes the number of replicas of one policy."""

    async def observe(self) -> ReplicaCount | None:
        """How many replicas there are; None if this actuator cannot know. Raises DeliveryError."""
        ...

    async def apply(self, order: Order) -> Receipt:
        """Asks for `order.desired` replicas. Raises DeliveryError if nobody took the order before it expired."""
        ...

    async def close(self) -> None:
        """Lets go of connections. What runs keeps running."""
        ...
