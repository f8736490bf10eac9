"""`anchored` and `smoothed` over native histograms, as ranges/extended_ranges has it for floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from monitor.errors import Span
from monitor.model.labels import METRIC_NAME, quote
from monitor.model.native_histograms import Histograms, NativeHistogram, ResetHint
from monitor.model.samples import Timestamps
from monitor.promql.context import QueryContext
from monitor.promql.histograms.arithmetic import add, are_equal, gauge, is_reset, scaled, subtract
from monitor.promql.histograms.components import HistogramRun, float_samples
from monitor.promql.histograms.range_windows import RangeOutput, SeriesWindows, series_windows
from monitor.promql.histograms.rates import MIXED_BUCKETS, MIXED_SAMPLES
from monitor.promql.ranges.range_vectors import RangeVector
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import RangeModifier
from monitor.promql.values import Vector
from monitor.storage.interfaces import Stripe


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Samples (N,) in and around a window that covers (`start_ms`, `end_ms`]; `first` and `last` enclose it."""

    times_ms: Timestamps
    samples: Sequence[NativeHistogram]
    start_ms: int
    end_ms: int
    first: int
    last: int


def with_extended_windows(
    function: str, samples: RangeVector, floats: Vector, lookback_ms: int, span: Span, context: QueryContext
) -> Vector:
    """`floats` is what the function makes of the floats; here is added what it makes of histograms."""
    output = RangeOutput.of(floats, span, context)
    after_ms = lookback_ms if samples.modifier is RangeModifier.SMOOTHED else 0
    outer = replace(samples, ends=samples.ends.earlier(-after_ms), range_ms=samples.range_ms + lookback_ms + after_ms)
    for windows in series_windows(outer):
        context.guard.check()
        if windows.is_mixed.any():
            output.warn(f"{MIXED_SAMPLES} {quote(windows.name)}")
            output.drop(windows.series, windows.is_mixed)
        for step in np.flatnonzero((windows.histograms.count > 0) & ~windows.is_mixed).tolist():
            window = _window(windows, step, samples)
            if window is not None:
                _put(function, windows, window, step, samples, output)
    return output.vector(floats)


def _window(windows: SeriesWindows, step: int, vector: RangeVector) -> _Window | None:
    """None if no sample is in the window or behind it."""
    spans = windows.histograms
    chosen = slice(int(spans.first[step]), int(spans.end[step]))
    times_ms = spans.timestamps_ms[chosen]
    end_ms = vector.ends.start_ms + step * vector.ends.step_ms
    start_ms = end_ms - vector.range_ms
    last = len(times_ms) - 1
    if vector.modifier is RangeModifier.SMOOTHED:
        last = min(int(np.searchsorted(times_ms, end_ms)), last)
    if times_ms[last] <= start_ms:
        return None
    first = max(0, min(int(np.searchsorted(times_ms, start_ms, side="right")), last) - 1)
    return _Window(times_ms, windows.samples[chosen].tolist(), start_ms, end_ms, first, last)


def _put(
    function: str, windows: SeriesWindows, window: _Window, step: int, vector: RangeVector, output: RangeOutput
) -> None:
    inside = window.samples[window.first : window.last + 1]
    if function in ("resets", "changes"):
        differs = is_reset if function == "resets" else _differs
        count = sum(differs(after, before) for before, after in pairwise(inside))
        output.values[windows.series, step] = float(count)
        output.present[windows.series, step] = True
        return
    if len({sample.shape.is_custom for sample in inside}) > 1:
        output.warn(f"{MIXED_BUCKETS} {quote(windows.name)}")
        return
    is_counter = function != "delta"
    _remark_on_hints(inside, windows.name, output, is_counter=is_counter)
    change = _change(window, is_smoothed=vector.modifier is RangeModifier.SMOOTHED, is_counter=is_counter)
    result = scaled(change, 1000 / vector.range_ms) if function == "rate" else change
    output.histograms[windows.series, step] = gauge(result)
    output.present[windows.series, step] = True


def _differs(after: NativeHistogram, before: NativeHistogram) -> bool:
    return not are_equal(after, before)


def _remark_on_hints(samples: Sequence[NativeHistogram], name: str, output: RangeOutput, *, is_counter: bool) -> None:
    is_gauge = [sample.hint is ResetHint.GAUGE for sample in samples]
    if is_counter and any(is_gauge):
        output.warn(f"this native histogram metric is not a counter: {quote(name)}")
    if not is_counter and not (is_gauge[0] and is_gauge[-1]):
        output.warn(f"this native histogram metric is not a gauge: {quote(name)}")


def _change(window: _Window, *, is_smoothed: bool, is_counter: bool) -> NativeHistogram:
    """From the left edge to the right one; what a counter had reached before each reset is added."""
    times_ms, samples, first, last = window.times_ms, window.samples, window.first, window.last
    left, right = samples[first], samples[last]
    if is_smoothed and times_ms[first] < window.start_ms:
        left = _between(window, first, window.start_ms, is_counter=is_counter)
    if is_smoothed and last > 0 and times_ms[last] > window.end_ms:
        right = _between(window, last - 1, window.end_ms, is_counter=is_counter)
    change = _joined(right, left, -1)
    if not is_counter:
        return change
    inner_first = first + int(times_ms[first] <= window.start_ms)
    inner_last = last - int(times_ms[last] >= window.end_ms)
    sequence = [left, *samples[inner_first : inner_last + 1], right]
    for before, after in pairwise(sequence):
        if is_reset(replace(after, hint=ResetHint.UNKNOWN), before):
            change = _joined(change, before, 1)
    return change


def _between(window: _Window, before: int, at_ms: int, *, is_counter: bool) -> NativeHistogram:
    times_ms, samples = window.times_ms, window.samples
    share = float(at_ms - times_ms[before]) / float(times_ms[before + 1] - times_ms[before])
    return _interpolated(samples[before], samples[before + 1], share, is_counter=is_counter)


def _interpolated(
    before: NativeHistogram, after: NativeHistogram, share: float, *, is_counter: bool
) -> NativeHistogram:
    """On the line between the two; a counter that was reset between them is taken to start at 0."""
    if is_counter and is_reset(after, before):
        return scaled(after, share)
    return _joined(before, scaled(_joined(after, before, -1), share), 1)


def _joined(left: NativeHistogram, right: NativeHistogram, sign: int) -> NativeHistogram:
    combined = add(left, right) if sign > 0 else subtract(left, right)
    assert combined is not None, "BUG: got exponential and custom buckets, want them to be told apart before"
    return combined.histogram


def with_smoothed_histograms(
    floats: Vector,
    stripes: Sequence[Stripe],
    runs: Sequence[HistogramRun],
    seen: Steps,
    lookback_ms: int,
    span: Span,
    context: QueryContext,
) -> Vector:
    """`floats` and the line between the histograms around each step; the last one where none follows."""
    output = RangeOutput.of(floats, span, context)
    names = floats.labels.column(METRIC_NAME)
    for run in map(HistogramRun.without_stale, runs):
        context.guard.check()
        name = names.values[names.codes[run.series]]
        float_ms, _ = float_samples(stripes, run.series)
        for step, at_ms in enumerate(seen.times_ms().tolist()):
            first = int(np.searchsorted(run.timestamps_ms, at_ms - lookback_ms, side="right"))
            end = int(np.searchsorted(run.timestamps_ms, at_ms + lookback_ms, side="right"))
            has_floats = bool(((float_ms > at_ms - lookback_ms) & (float_ms <= at_ms + lookback_ms)).any())
            if first == end:
                continue
            if has_floats:
                output.warn(f"{MIXED_SAMPLES} {quote(name)}")
                output.present[run.series, step] = False
                continue
            chosen = slice(first, end)
            found = _smoothed(run.timestamps_ms[chosen], run.samples[chosen], at_ms, name, output)
            output.histograms[run.series, step] = found
            output.present[run.series, step] = found is not None
    return output.vector(floats)


def _smoothed(
    times_ms: Timestamps, samples: Histograms, at_ms: int, name: str, output: RangeOutput
) -> NativeHistogram | None:
    after = int(np.searchsorted(times_ms, at_ms))
    if after < len(times_ms) and times_ms[after] == at_ms:
        exact: NativeHistogram = samples[after]
        return exact
    if after == 0:
        return None
    before: NativeHistogram = samples[after - 1]
    if after == len(times_ms):
        return before
    if before.shape.is_custom != samples[after].shape.is_custom:
        output.warn(f"{MIXED_BUCKETS} {quote(name)}")
        return None
    share = float(at_ms - times_ms[after - 1]) / float(times_ms[after] - times_ms[after - 1])
    is_counter = ResetHint.GAUGE not in (before.hint, samples[after].hint)
    return _interpolated(before, samples[after], share, is_counter=is_counter)
