"""What to start and what to drain: pure, so that every case can be written down as a test."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Phase(enum.Enum):
    """The life of a replica."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    """It ended by itself and starts again after a while."""
    DRAINING = "draining"
    STOPPING = "stopping"
    ENDED = "ended"


COMING_OR_SERVING = (Phase.STARTING, Phase.READY, Phase.WAITING)


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """`generation` is that of the settings it was started with; a change of command makes a new one."""

    number: int
    phase: Phase
    generation: int
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`start` replicas of the present generation, the numbers to `drain`, and those to `revive` out of a drain."""

    start: int = 0
    drain: tuple[int, ...] = ()
    revive: tuple[int, ...] = ()


def plan(desired: int, generation: int, replicas: Sequence[ReplicaView], free_ports: int) -> Plan:
    """The next step towards `desired` replicas of `generation`.

    A draining replica of this generation is taken back before another is started. Replicas of older generations go as
    new ones become ready, so that a change of command loses no capacity; only where no port is free one goes first.
    """
    present = [replica for replica in replicas if replica.generation == generation]
    active = [replica for replica in present if replica.phase in COMING_OR_SERVING]
    surplus = _surplus(active, len(active) - desired)
    missing = max(0, desired - len(active))
    draining = sorted(replica.number for replica in present if replica.phase is Phase.DRAINING)
    revive = tuple(draining[:missing])
    missing -= len(revive)
    start = min(missing, free_ports)
    old = [replica for replica in replicas if replica.generation != generation and replica.phase in COMING_OR_SERVING]
    ready = sum(replica.phase is Phase.READY for replica in active)
    replaced = len(old) - max(0, desired - ready)
    needs_port = missing > 0 and free_ports == 0 and not _is_freeing_a_port(replicas)
    return Plan(start, surplus + _surplus(old, max(replaced, int(needs_port))), revive)


def _surplus(replicas: Sequence[ReplicaView], count: int) -> tuple[int, ...]:
    """The numbers of `count` replicas that are missed least: not ready, few connections, started last."""
    by_worth = sorted(replicas, key=lambda r: (r.phase is Phase.READY, r.connections, -r.number))
    return tuple(replica.number for replica in by_worth[: max(0, count)])


def _is_freeing_a_port(replicas: Sequence[ReplicaView]) -> bool:
    return any(replica.phase in (Phase.DRAINING, Phase.STOPPING) for replica in replicas)
