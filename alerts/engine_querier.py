"""The service's own PromQL engine as the rules' Querier."""

from __future__ import annotations

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.promql.engine import Engine
from monitor.storage.interfaces import Queryable


class EngineQuerier:
    """Answers over what the store holds at the time of the question. Any number of threads may ask at once."""

    def __init__(self, engine: Engine, store: Queryable) -> None:
        self._engine = engine
        self._store = store

    def instant(self, expression: str, at_ms: int) -> Frame:
        """See Querier.instant. The engine keeps the plans of the expressions it was asked last."""
        plan = self._engine.plan(expression)
        with self._store.reader() as reader:
            value = self._engine.instant(plan, at_ms, reader).value
        if isinstance(value, Frame):
            return value
        if isinstance(value, float):
            return Frame(LabelFrame(1, {}), np.array([[value]]))
        raise EvaluationError("rule result is not a vector or scalar")
