"""What is seen of one query while it runs: how far it is, and what its statistics count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Indices
from monitor.promql.limits import Guard
from monitor.promql.ranges.batches import batches
from monitor.promql.ranges.range_vectors import RangeVector
from monitor.promql.ranges.windows import Batch, samples_until
from monitor.promql.syntax.nodes import Expression, RangeModifier
from monitor.promql.values import Value, Vector

Counts = NDArray[np.int64]
Traced = TypeVar("Traced", bound=Value | RangeVector)


@dataclass(slots=True)
class NodeTrace:
    """What evaluating a node took, the nodes below it included, and how many series it gave at its last evaluation."""

    seconds: float = 0.0
    series: int = 0
    evaluations: int = 0


class QueryWatch:
    """Written by the query's thread only; others may read `samples` meanwhile.

    With `counts_samples` the samples that each step looks at are counted as upstream counts them
    (totalQueryableSamples): those in its windows, and one for each series of an instant selector. What is the same at
    every step counts at every step; a subquery counts by what its result's windows hold. With `seconds`, a clock, the
    nodes are traced by their ids.
    """

    __slots__ = ("_aside", "_counts", "_seconds", "nodes", "samples")

    def __init__(self, *, counts_samples: bool = False, seconds: Callable[[], float] | None = None) -> None:
        self.samples = 0
        """Loaded by the selectors so far."""
        self.nodes: dict[int, NodeTrace] = {}
        self._seconds = seconds
        self._counts: list[Counts] | None = [] if counts_samples else None
        self._aside = 0

    @property
    def counts_by_step(self) -> Counts | None:
        """(T,) the samples that each step looked at; None if they are not counted."""
        return self._counts[0] if self._counts else None

    def forget(self) -> None:
        """Everything so far: the query is evaluated anew."""
        self.samples = 0
        self.nodes.clear()
        self._counts = None if self._counts is None else []
        self._aside = 0

    def begin(self, steps: int) -> None:
        if self._counts is not None:
            self._counts.append(np.zeros(steps, np.int64))

    # Counting.

    def count_vector(self, vector: Vector) -> None:
        """What an instant selector found."""
        if self._counts:
            self._counts[-1] += vector.size if vector.present is None else vector.present.sum(axis=0)

    def count_windows(self, vector: RangeVector, lookback_ms: int, guard: Guard) -> None:
        """What the windows of a range function hold."""
        if self._counts:
            self._counts[-1] += window_counts(vector, lookback_ms, guard)

    def count_at_last(self, samples: int) -> None:
        if self._counts:
            self._counts[-1][-1:] += samples

    def count_aside(self) -> None:
        """What the subquery evaluated last looked at: only where its result is the answer itself."""
        self.count_at_last(self._aside)

    @contextmanager
    def once_for_all_steps(self) -> Iterator[None]:
        """While something is evaluated at one step that counts at all of them."""
        if self._counts is None:
            yield
            return
        self._counts.append(np.zeros(1, np.int64))
        yield
        once = self._counts.pop()
        self._counts[-1] += once[0]

    @contextmanager
    def aside(self, steps: int) -> Iterator[None]:
        """While a subquery is evaluated, at steps of its own."""
        if self._counts is None:
            yield
            return
        self._counts.append(np.zeros(steps, np.int64))
        yield
        self._aside = int(self._counts.pop().sum())

    # Tracing.

    @property
    def traces(self) -> bool:
        return self._seconds is not None

    def traced(self, node: Expression, evaluate: Callable[[], Traced]) -> Traced:
        """The result of `evaluate`, which evaluates `node`."""
        if self._seconds is None:
            return evaluate()
        trace = self.nodes.setdefault(id(node), NodeTrace())
        started = self._seconds()
        value = evaluate()
        trace.seconds += self._seconds() - started
        trace.evaluations += 1
        trace.series = value.labels.size if isinstance(value, Vector | RangeVector) else 0
        return value


def window_counts(vector: RangeVector, lookback_ms: int, guard: Guard) -> Counts:
    """(T,) how many samples the windows at each step hold, all series together.

    Anchored and smoothed windows reach back by the lookback, smoothed ones ahead by it too.
    """
    before_ms = lookback_ms if vector.modifier is not None else 0
    after_ms = lookback_ms if vector.modifier is RangeModifier.SMOOTHED else 0
    total = np.zeros(vector.ends.count, np.int64)
    for batch in batches(vector.pieces, vector.ends.count):
        guard.check()
        until_start = samples_until(batch, vector.ends.earlier(vector.range_ms + before_ms))
        until_end = samples_until(batch, vector.ends.earlier(-after_ms))
        total += _rows_by_vector(batch) @ (until_end - until_start)
    return total


def _rows_by_vector(batch: Batch) -> Indices:
    if batch.vector_of_row is None:
        return np.array([len(batch.rows)])
    return np.bincount(batch.vector_of_row, minlength=len(batch.vector_starts))
