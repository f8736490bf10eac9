"""The service's own PromQL engine as the InstantQuery of scaling policies, with the age of what it read.

An aggregation has no timestamps, so a sum over series that stopped minutes ago looks as fresh as any other: a range
selector sees them for its whole window, an instant selector for the lookback. The age is therefore taken where the
engine reads: for each selection, how far its newest sample lies behind the end of what was asked for. The worst of them
is the age of the answer. With `offset` the end lies back as well, so comparing with last week is not stale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.autoscale.query import InstantAnswer, InstantElement
from monitor.errors import EvaluationError
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.samples import is_absent, is_stale
from monitor.promql.engine import Engine
from monitor.storage.interfaces import Queryable, Reader, Selection, SelectionSize, Selector, Stripe


class EngineQuery:
    """Answers over what the store holds at the time of the question. Any number of threads may ask at once."""

    def __init__(self, engine: Engine, store: Queryable) -> None:
        self._engine = engine
        self._store = store

    def query(self, expression: str, at_ms: int) -> InstantAnswer:
        """See InstantQuery. A warning of the engine, such as on mixed histograms, makes the answer partial."""
        plan = self._engine.plan(expression)
        with self._store.reader() as reader:
            watched = AgeReader(reader, at_ms)
            result = self._engine.instant(plan, at_ms, watched)
        timestamp_ms = None if watched.age_ms is None else at_ms - watched.age_ms
        if isinstance(result.value, float):
            return InstantAnswer([InstantElement(Labels(), result.value, timestamp_ms)], result.warnings)
        if not isinstance(result.value, Frame):
            raise EvaluationError(f"got a {result.type.value}, want an instant vector or a scalar")
        values = result.value.values[:, 0].tolist()
        labels = result.value.labels.all_labels()
        elements = [InstantElement(*pair, timestamp_ms) for pair in zip(labels, values, strict=True)]
        return InstantAnswer(elements, result.warnings)


class AgeReader:
    """A Reader that notes how old what it gave was at `at_ms`: `age_ms` is None as long as it gave no sample."""

    def __init__(self, reader: Reader, at_ms: int) -> None:
        self._reader = reader
        self._at_ms = at_ms
        self.age_ms: int | None = None

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        selection = self._reader.select(selector, start_ms, end_ms)
        newest_ms = max((_newest_ms(stripe) for stripe in selection.stripes), default=_NEVER_MS)
        if newest_ms > _NEVER_MS:
            # What is asked for beyond the present, as `smoothed` windows do, cannot be there yet.
            self.age_ms = max(self.age_ms or 0, min(end_ms, self._at_ms) - newest_ms)
        return selection

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        return self._reader.size(selector, start_ms, end_ms, roughly_below)

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        return self._reader.series(selectors, start_ms, end_ms)


_NEVER_MS = -(2**63)


def _newest_ms(stripe: Stripe) -> int:
    """When the stripe's newest number was sampled; a stale marker is no number."""
    if not len(stripe.timestamps_ms):
        return _NEVER_MS
    if stripe.dense:
        return int(stripe.timestamps_ms[-1])
    has_number = ~(is_stale(stripe.values) | is_absent(stripe.values)).all(axis=0)
    positions = np.flatnonzero(has_number)
    return int(stripe.timestamps_ms[positions[-1]]) if len(positions) else _NEVER_MS
