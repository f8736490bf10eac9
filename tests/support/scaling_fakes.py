"""A query engine and an actuator that do what a test tells them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from alerts.autoscale.actuators.actuator import Order, Receipt, ReplicaCount
from alerts.autoscale.control_loop import LoopSettings, Services
from alerts.autoscale.history import DecisionHistory, HistorySettings
from alerts.autoscale.query import InstantAnswer, InstantElement
from alerts.autoscale.self_metrics import AutoscaleMetrics
from alerts.database import open_database
from monitor.clock import Clock
from monitor.model.labels import Labels


def single(value: float, timestamp_ms: int | None = None) -> InstantAnswer:
    return InstantAnswer([InstantElement(Labels(), value, timestamp_ms)])


class FakeQuery:
    """Answers with `answers[expression]`; raises it if it is an exception."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = answers
        self.asked: list[tuple[str, int]] = []

    def query(self, expression: str, at_ms: int) -> InstantAnswer:
        self.asked.append((expression, at_ms))
        answer = self.answers.get(expression, InstantAnswer([]))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, InstantAnswer) else single(answer)


@dataclass
class FakeActuator:
    """Has `replicas` and does as told, unless `failure` is set. None for `replicas` is one that cannot see."""

    replicas: int | None = 1
    failure: Exception | None = None
    refuses: bool = False
    orders: list[Order] = field(default_factory=list)
    is_closed: bool = False

    async def observe(self) -> ReplicaCount | None:
        return None if self.replicas is None else ReplicaCount(self.replicas)

    async def apply(self, order: Order) -> Receipt:
        self.orders.append(order)
        if self.failure is not None:
            raise self.failure
        if self.refuses:
            return Receipt(accepted=False, replicas=self.replicas, detail="no")
        if self.replicas is not None:
            self.replicas = order.desired
        return Receipt(accepted=True, replicas=self.replicas)

    async def close(self) -> None:
        self.is_closed = True


@contextlib.contextmanager
def services(
    tmp_path: Path, clock: Clock, query: FakeQuery, registry: CollectorRegistry, **settings: Any
) -> Iterator[Services]:
    """Services over a SQLite file."""
    counter = itertools.count(1)
    engine = open_database(f"sqlite:///{tmp_path}/state.db")
    yield Services(
        query=query,
        history=DecisionHistory(engine, HistorySettings()),
        clock=clock,
        metrics=AutoscaleMetrics.register(registry),
        new_id=lambda: f"decision-{next(counter)}",
        settings=LoopSettings(**settings),
    )
    engine.dispose()
