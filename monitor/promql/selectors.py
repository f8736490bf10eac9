"""Vector and range selectors: from the store to values at steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.samples import Indices, Mask, Values, is_stale
from monitor.promql.context import QueryContext
from monitor.promql.durations import resolve_ms
from monitor.promql.histograms.components import HistogramRun, float_stripes, read_runs, split_labels
from monitor.promql.histograms.extended_histograms import with_smoothed_histograms
from monitor.promql.histograms.instants import with_histogram_times, with_last_histograms
from monitor.promql.ranges.range_vectors import Computed, RangeVector, assemble
from monitor.promql.ranges.windows import Batch, Windows, pieces_of, samples_until, windows_of
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import AtPreset, Duration, MatrixSelector, RangeModifier, Subquery, VectorSelector
from monitor.promql.values import Vector
from monitor.storage.interfaces import Selection


def duration_ms(duration: Duration, context: QueryContext, *, may_be_negative: bool = False) -> int:
    return resolve_ms(duration, context.step_seconds, context.range_seconds, may_be_negative=may_be_negative)


def seen_steps(node: VectorSelector | Subquery, steps: Steps, context: QueryContext) -> Steps:
    """The instants that a selector looks at when it is evaluated at `steps`: moved by its `@` and its offset."""
    offset_ms = duration_ms(node.offset, context, may_be_negative=True)
    if node.at is None:
        return steps.earlier(offset_ms)
    return Steps(_at_ms(node.at, context) - offset_ms, 0, steps.count)


def _at_ms(at: int | AtPreset, context: QueryContext) -> int:
    if isinstance(at, int):
        return at
    return context.steps.start_ms if at is AtPreset.START else context.end_ms


def vector_selector(node: VectorSelector, steps: Steps, context: QueryContext) -> Vector:
    """The last sample of each series at each step, if it is younger than the lookback and no stale marker."""
    seen = seen_steps(node, steps, context)
    if node.modifier is RangeModifier.SMOOTHED:
        return _smoothed(node, seen, context)
    selection, runs = _selection(node, seen, context.lookback_ms, 0, context)
    result = _last_samples(selection, seen, context.lookback_ms, context, times=False)
    vector = Vector(selection.labels, result.values, result.present)
    if not runs:
        return vector
    return with_last_histograms(vector, selection.stripes, runs, seen, context.lookback_ms)


def sample_times(node: VectorSelector, steps: Steps, context: QueryContext) -> Vector:
    """As `vector_selector`, but the values are when the samples were taken, in seconds."""
    seen = seen_steps(node, steps, context)
    selection, runs = _selection(node, seen, context.lookback_ms, 0, context)
    return _times(selection, runs, seen, context.lookback_ms, context)


def _times(
    selection: Selection, runs: Sequence[HistogramRun], seen: Steps, lookback_ms: int, context: QueryContext
) -> Vector:
    result = _last_samples(selection, seen, lookback_ms, context, times=True)
    vector = Vector(selection.labels, result.values, result.present)
    return with_histogram_times(vector, selection.stripes, runs, seen, lookback_ms) if runs else vector


def selects_histograms(node: VectorSelector, steps: Steps, context: QueryContext) -> bool:
    """Whether any of the samples that a vector selector looks at is a native histogram."""
    _, runs = _selection(node, seen_steps(node, steps, context), context.lookback_ms, 0, context)
    return bool(runs)


def timestamp_argument(node: VectorSelector, steps: Steps, context: QueryContext) -> Vector:
    """As `sample_times`; with `@` as upstream does it for timestamp().

    There an offset beside `@` moves the samples that are fetched, but not the instant at which they are looked for.
    """
    if node.at is None:
        return sample_times(node, steps, context)
    offset_ms = duration_ms(node.offset, context, may_be_negative=True)
    asked = seen_steps(node, steps, context)
    seen = asked.earlier(max(0, -offset_ms))
    lookback_ms = max(0, context.lookback_ms - abs(offset_ms))
    selection, runs = _selection(node, asked, context.lookback_ms, 0, context)
    return _times(selection, runs, seen, lookback_ms, context)


def range_selector(node: MatrixSelector, steps: Steps, context: QueryContext) -> RangeVector:
    range_ms = duration_ms(node.range, context)
    seen = seen_steps(node.selector, steps, context)
    modifier = node.selector.modifier
    before_ms = context.lookback_ms if modifier is not None else 0
    after_ms = context.lookback_ms if modifier is RangeModifier.SMOOTHED else 0
    selection, runs = _selection(node.selector, seen, range_ms + before_ms, after_ms, context)
    pieces = pieces_of(selection, keep_stale=False)
    histograms = tuple(run.without_stale() for run in runs)
    return RangeVector(selection.labels, pieces, seen, range_ms, modifier, histograms)


def _selection(
    node: VectorSelector, seen: Steps, before_ms: int, after_ms: int, context: QueryContext
) -> tuple[Selection, list[HistogramRun]]:
    """The samples that may matter: of a window of `before_ms` the start does not belong to it.

    The second part is the native histograms; the first one has their series, too, but not their samples.
    """
    selection = context.select(node.matchers, seen.start_ms - before_ms + 1, seen.end_ms + after_ms)
    context.limits.check_cells(selection.labels.size, seen.count)
    if COMPONENT_LABEL not in selection.labels.columns:
        return selection, []
    split = context.derive(node, "components", (selection.labels,), lambda: split_labels(selection.labels))
    if split is None:
        return selection, []
    runs = read_runs(selection, split, resets_told=context.plan.asks_for_statistics(node))
    return Selection(split.labels, float_stripes(selection, split)), runs


def _last_samples(
    selection: Selection, seen: Steps, lookback_ms: int, context: QueryContext, *, times: bool
) -> Computed:
    is_dense = all(stripe.dense for stripe in selection.apart) and (selection.bundle is None or selection.bundle.dense)
    evaluated_ms = seen.times_ms()
    oldest_ms = evaluated_ms - lookback_ms

    def batch_result(batch: Batch) -> tuple[Values, Mask]:
        end = samples_until(batch, seen)
        windows = Windows(batch, end, end, evaluated_ms, 0, evaluated_ms)
        times_ms = windows.times_at(end - 1)
        present = windows.spread((end > 0) & (times_ms > oldest_ms))
        values = windows.values_at(end - 1)
        if not is_dense:
            present = present & ~is_stale(values)
        return (np.broadcast_to(windows.spread(times_ms / 1000), values.shape) if times else values), present

    pieces = pieces_of(selection, keep_stale=True)
    return assemble(selection.labels.size, seen.count, pieces, batch_result, context.guard)


def _smoothed(node: VectorSelector, seen: Steps, context: QueryContext) -> Vector:
    """The line between the samples around each step; the last sample where none follows within the lookback."""
    lookback_ms = context.lookback_ms
    selection, runs = _selection(node, seen, lookback_ms, lookback_ms, context)
    evaluated_ms = seen.times_ms()

    def batch_result(batch: Batch) -> tuple[Values, Mask]:
        windows = windows_of(batch, seen.earlier(-lookback_ms), 2 * lookback_ms, evaluated_ms)
        before = samples_until(batch, seen.earlier(1))
        exact = windows.times_at(before) == evaluated_ms
        has_exact, has_before = exact & (before < windows.end), before > windows.first
        values = _between(windows, before, before < windows.end)
        values = np.where(windows.spread(has_exact), windows.values_at(before), values)
        return values, windows.spread(has_exact | has_before)

    pieces = pieces_of(selection, keep_stale=False)
    result = assemble(selection.labels.size, seen.count, pieces, batch_result, context.guard)
    vector = Vector(selection.labels, result.values, result.present)
    if not runs:
        return vector
    return with_smoothed_histograms(vector, selection.stripes, runs, seen, lookback_ms, node.span, context)


def _between(windows: Windows, after: Indices, has_after: Mask) -> Values:
    """The value at the step, between the sample `after` and the one before it; the latter's if there is no other."""
    before_ms, after_ms = windows.times_at(after - 1), windows.times_at(after)
    before, following = windows.values_at(after - 1), windows.values_at(after)
    passed, between = windows.spread(windows.evaluated_ms - before_ms), windows.spread(after_ms - before_ms)
    line: Values = before + (following - before) * passed / between
    return np.where(windows.spread(has_after), line, before)
