"""Functions over selectors with `anchored` or `smoothed`: windows that also see the samples around their edges.

Both look up to the lookback before the window. Anchored windows begin with the last sample before them; smoothed ones
also look as far behind the window and take the line between samples for the value at both edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.samples import Indices, Mask, Timestamps, Values
from monitor.promql.limits import Guard
from monitor.promql.ranges.batches import batches
from monitor.promql.ranges.counters import changes, reached_before_drops, resets
from monitor.promql.ranges.range_vectors import Computed, RangeVector, RowSamples, assemble
from monitor.promql.ranges.window_sums import window_sums
from monitor.promql.ranges.windows import Batch, Windows, samples_until, windows_of
from monitor.promql.syntax.nodes import RangeModifier

_COUNTS = {"changes": changes, "resets": resets}
_ALLOWED = {
    RangeModifier.ANCHORED: ("changes", "delta", "increase", "rate", "resets"),
    RangeModifier.SMOOTHED: ("delta", "increase", "rate"),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """A window with its outer samples: `first` and `last` (V, T) enclose it, and what it is worth at its edges."""

    windows: Windows
    first: Indices
    last: Indices
    left: Values
    right: Values

    @property
    def start_ms(self) -> Timestamps:
        return self.windows.ends_ms - self.windows.range_ms


def compute_extended(
    vector: RangeVector, function: str, lookback_ms: int, evaluated_ms: Timestamps, guard: Guard
) -> Computed:
    """`function` over a range vector with a modifier. Raises EvaluationError if they do not go together."""
    modifier = vector.modifier
    assert modifier is not None, "BUG: got a plain range vector, want one with a modifier"
    allowed = _ALLOWED[modifier]
    if function not in allowed:
        raise EvaluationError(
            f"{modifier.value} modifier can only be used with: {', '.join(allowed)} - not with {function}"
        )
    is_smoothed = modifier is RangeModifier.SMOOTHED

    def batch_result(batch: Batch) -> tuple[Values, Mask]:
        windows = _windows(batch, vector, lookback_ms, evaluated_ms)
        first, last, present = _enclosing(windows, vector, is_smoothed)
        if function in _COUNTS:
            return _COUNTS[function](replace(windows, first=first)), windows.spread(present)
        result = _change(_edges(windows, first, last, is_smoothed, function != "delta"), function != "delta")
        return result / (vector.range_ms / 1000) if function == "rate" else result, windows.spread(present)

    return assemble(vector.labels.size, vector.ends.count, vector.pieces, batch_result, guard)


def extended_samples(vector: RangeVector, lookback_ms: int, guard: Guard) -> Iterator[RowSamples]:
    """The samples in the windows of a range vector of one step, and its values at both edges of the windows."""
    is_smoothed = vector.modifier is RangeModifier.SMOOTHED
    end_ms = vector.ends.times_ms()
    start_ms = end_ms - vector.range_ms
    for batch in batches(vector.pieces, 1):
        guard.check()
        windows = _windows(batch, vector, lookback_ms, end_ms)
        first, last, present = _enclosing(windows, vector, is_smoothed)
        edges = _edges(windows, first, last, is_smoothed, is_counter=False)
        inner_first, inner_stop = _inside(edges)
        shape = (len(batch.rows), 1)
        for row in np.flatnonzero(np.broadcast_to(windows.spread(present), shape)):
            vector_number = 0 if batch.vector_of_row is None else batch.vector_of_row[row]
            inside = np.arange(inner_first[vector_number, 0], inner_stop[vector_number, 0])
            times_ms = batch.timestamps_ms[batch.vector_starts[vector_number] + inside]
            values = batch.values[batch.row_starts[row] + inside]
            yield RowSamples(
                batch.rows[[row]],
                np.array([len(inside) + 2]),
                np.concatenate([start_ms, times_ms, end_ms]),
                np.concatenate([edges.left[row], values, edges.right[row]]),
            )


def _windows(batch: Batch, vector: RangeVector, lookback_ms: int, evaluated_ms: Timestamps) -> Windows:
    """The windows with all samples that may matter, but with the edges of the narrower ones asked for."""
    after_ms = lookback_ms if vector.modifier is RangeModifier.SMOOTHED else 0
    ends = vector.ends.earlier(-after_ms)
    outer = windows_of(batch, ends, vector.range_ms + lookback_ms + after_ms, evaluated_ms)
    return replace(outer, ends_ms=vector.ends.times_ms(), range_ms=vector.range_ms)


def _enclosing(windows: Windows, vector: RangeVector, is_smoothed: bool) -> tuple[Indices, Indices, Mask]:
    """The samples that enclose each window, and whether there is one in or behind it; (V, T) each."""
    last = windows.last
    until_start = samples_until(windows.batch, vector.ends.earlier(vector.range_ms))
    first = np.maximum(windows.first, np.minimum(until_start, last) - 1)
    if is_smoothed:
        last = np.minimum(samples_until(windows.batch, vector.ends.earlier(1)), last)
    present = (windows.count > 0) & (windows.times_at(last) > windows.ends_ms - windows.range_ms)
    return first, last, present


def _edges(windows: Windows, first: Indices, last: Indices, is_smoothed: bool, is_counter: bool) -> _Edges:
    left, right = windows.values_at(first), windows.values_at(last)
    edges = _Edges(windows, first, last, left, right)
    if not is_smoothed:
        return edges
    starts_before = windows.spread(windows.times_at(first) < edges.start_ms)
    ends_behind = windows.spread((windows.times_at(last) > windows.ends_ms) & (last > windows.first))
    line_left = _interpolated(windows, first, edges.start_ms, is_counter)
    line_right = _interpolated(windows, last - 1, windows.ends_ms, is_counter)
    return replace(edges, left=np.where(starts_before, line_left, left), right=np.where(ends_behind, line_right, right))


def _interpolated(windows: Windows, before: Indices, at_ms: Timestamps, is_counter: bool) -> Values:
    """On the line between sample `before` and the next; a counter that fell between them is taken to start at 0."""
    start, stop = windows.values_at(before), windows.values_at(before + 1)
    if is_counter:
        start = np.where(stop < start, 0.0, start)
    start_ms, stop_ms = windows.times_at(before), windows.times_at(before + 1)
    result: Values = start + (stop - start) * windows.spread(at_ms - start_ms) / windows.spread(stop_ms - start_ms)
    return result


def _change(edges: _Edges, is_counter: bool) -> Values:
    """From the left edge to the right one; what a counter had reached before each reset is added."""
    change = edges.right - edges.left
    if not is_counter:
        return change
    windows = edges.windows
    first, stop = _inside(edges)
    is_empty = windows.spread(first >= stop)
    inner_first, inner_last = windows.values_at(first), windows.values_at(stop - 1)
    inner = replace(windows, first=first + 1, end=np.maximum(stop, first + 1))
    resets_inside = _lost(edges.left, inner_first) + _lost(inner_last, edges.right)
    resets_inside += window_sums(inner, reached_before_drops(windows.batch)).total()
    return change + np.where(is_empty, _lost(edges.left, edges.right), resets_inside)


def _inside(edges: _Edges) -> tuple[Indices, Indices]:
    """The samples between the edges, (V, T): the first, and the one behind the last."""
    windows = edges.windows
    first = edges.first + (windows.times_at(edges.first) <= edges.start_ms)
    stop = edges.last + 1 - (windows.times_at(edges.last) >= windows.ends_ms)
    return first, stop


def _lost(before: Values, after: Values) -> Values:
    """What a reset between two values took away."""
    return np.where(after < before, before, 0.0)
