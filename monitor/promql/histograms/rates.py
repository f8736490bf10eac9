"""rate, increase, delta, irate and idelta of native histograms (histogramRate in promql/functions.go upstream)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.model.labels import quote
from monitor.model.native_histograms import COUNT, HistogramShape, NativeHistogram, ResetHint
from monitor.model.samples import Indices, Values
from monitor.promql.histograms.arithmetic import (
    add,
    divided,
    gauge,
    is_reset,
    nothing_like,
    only_shape,
    resets_within,
    scaled,
    subtract,
)
from monitor.promql.histograms.range_windows import RangeOutput, SeriesWindows
from monitor.promql.histograms.shapes import with_schema

_EXTRAPOLATION_THRESHOLD = 1.1
MIXED_SAMPLES = "encountered a mix of histograms and floats for metric name"
MIXED_BUCKETS = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name"


def put_rates(windows: SeriesWindows, output: RangeOutput, *, is_counter: bool, is_rate: bool) -> None:
    if windows.is_mixed.any():
        output.warn(f"{MIXED_SAMPLES} {quote(windows.name)}")
        output.drop(windows.series, windows.is_mixed)
    steps = np.flatnonzero((windows.histograms.count > 1) & (windows.floats.count == 0))
    if not len(steps):
        return
    _remark_on_hints(windows, steps, output, is_counter=is_counter)
    first, last = windows.histograms.first[steps], windows.histograms.end[steps] - 1
    divisor = windows.range_ms / 1000 if is_rate else 1.0
    shape = only_shape(windows.samples[int(first.min()) : int(last.max()) + 1].tolist())
    if shape is not None:
        cells = _uniform_changes(windows, shape, first, last, is_counter=is_counter)
        factors = _factors(windows, steps, cells[:, COUNT], is_counter=is_counter) / divisor
        hint = ResetHint.GAUGE
        results = [NativeHistogram(shape, row, hint) for row in cells * factors[:, None]]
        output.put_histograms(windows.series, steps, list(results))
        return
    changes = [
        _change(windows.samples[begin : end + 1].tolist(), windows.name, output, is_counter=is_counter)
        for begin, end in zip(first.tolist(), last.tolist(), strict=True)
    ]
    risen = np.array([np.nan if change is None else change.count for change in changes])
    factors = _factors(windows, steps, risen, is_counter=is_counter) / divisor
    output.put_histograms(
        windows.series,
        steps,
        [
            None if change is None else gauge(scaled(change, factor))
            for change, factor in zip(changes, factors.tolist(), strict=True)
        ],
    )


def _remark_on_hints(windows: SeriesWindows, steps: Indices, output: RangeOutput, *, is_counter: bool) -> None:
    gauge_hint = ResetHint.GAUGE
    is_gauge = np.array([sample.hint is gauge_hint for sample in windows.samples])
    first, end = windows.histograms.first[steps], windows.histograms.end[steps]
    if is_counter:
        gauges = np.concatenate([[0], np.cumsum(is_gauge)])
        if (gauges[end] > gauges[first]).any():
            output.warn(f"this native histogram metric is not a counter: {quote(windows.name)}")
    elif not (is_gauge[first] & is_gauge[end - 1]).all():
        output.warn(f"this native histogram metric is not a gauge: {quote(windows.name)}")


def _uniform_changes(
    windows: SeriesWindows, shape: HistogramShape, first: Indices, last: Indices, *, is_counter: bool
) -> Values:
    """(W, C) all windows at once, where all histograms have one shape."""
    begin = int(first.min())
    cells = np.stack([sample.cells for sample in windows.samples[begin : int(last.max()) + 1]])
    first, last = first - begin, last - begin
    changes = cells[last] - cells[first]
    resets = resets_within(shape, cells) if is_counter else np.zeros(len(cells), np.bool_)
    if resets.any():
        lost = np.zeros_like(cells)
        lost[1:] = np.where(resets[1:, None], cells[:-1], 0.0)
        sums = np.cumsum(lost, axis=0)
        changes += sums[last] - sums[first]
    return np.asarray(changes)


def _change(
    points: Sequence[NativeHistogram], name: str, output: RangeOutput, *, is_counter: bool
) -> NativeHistogram | None:
    """From the first to the last of at least two; None, with a warning, if their buckets do not go together."""
    previous, last = points[0], points[-1]
    # What comes before a reset matters only as far as it is added: its buckets need not fit.
    if is_counter and is_reset(points[1], previous):
        previous = nothing_like(points[1])
    considered = [previous, last, *(points[1:-1] if is_counter else ())]
    if len({point.shape.is_custom for point in considered}) > 1:
        output.warn(f"{MIXED_BUCKETS} {quote(name)}")
        return None
    result = last
    if not last.shape.is_custom:
        result = with_schema(last, min(point.shape.schema for point in considered))
    result = _combined(result, previous, output, is_addition=False)
    if not is_counter:
        return result
    for point in points[1:]:
        if is_reset(point, previous):
            result = _combined(result, previous, output, is_addition=True)
        previous = point
    return result


def _combined(
    left: NativeHistogram, right: NativeHistogram, output: RangeOutput, *, is_addition: bool
) -> NativeHistogram:
    combined = add(left, right) if is_addition else subtract(left, right)
    assert combined is not None, "BUG: got exponential and custom buckets, want them to be told apart before"
    if combined.reconciled:
        operation = "addition" if is_addition else "subtraction"
        output.inform(f"mismatched custom buckets were reconciled during {operation}")
    return combined.histogram


def _factors(windows: SeriesWindows, steps: Indices, risen: Values, *, is_counter: bool) -> Values:
    """What extrapolation to the edges of the windows makes of each change, as for floats (see ranges/counters).

    `risen` (W,) is by how much the counts rose.
    """
    spans = windows.histograms
    first, last = spans.first[steps], spans.end[steps] - 1
    first_ms, last_ms, ends_ms = spans.timestamps_ms[first], spans.timestamps_ms[last], windows.ends_ms[steps]
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (last - first)
    threshold = average * _EXTRAPOLATION_THRESHOLD
    to_start = (first_ms - (ends_ms - windows.range_ms)) / 1000
    to_end = (ends_ms - last_ms) / 1000
    to_start = np.where(to_start >= threshold, average / 2, to_start)
    to_end = np.where(to_end >= threshold, average / 2, to_end)
    if is_counter:
        count = np.array([sample.count for sample in windows.samples[first]])
        to_zero = np.where((risen > 0) & (count >= 0), sampled * (count / risen), np.inf)
        to_start = np.minimum(to_start, to_zero)
    return np.asarray((sampled + to_start + to_end) / sampled)


def put_instant_rates(windows: SeriesWindows, output: RangeOutput, *, is_rate: bool) -> None:
    """Between the last two samples, of whatever kind."""
    spans, floats = windows.histograms, windows.floats
    known: dict[int, NativeHistogram | None] = {}
    for step in np.flatnonzero(spans.count > 0).tolist():
        last = int(spans.end[step]) - 1
        float_times = floats.timestamps_ms[floats.first[step] : floats.end[step]]
        own_times = spans.timestamps_ms[spans.first[step] : spans.end[step]]
        newer_floats = int((float_times > own_times[-1]).sum())
        if newer_floats >= 2:
            continue
        output.present[windows.series, step] = False
        before_last = own_times[-2] if len(own_times) > 1 else None
        has_float_between = len(float_times) > 0 and (before_last is None or float_times[-1] > before_last)
        if newer_floats or has_float_between:
            output.warn(f"{MIXED_SAMPLES} {quote(windows.name)}")
        elif before_last is not None:
            if last not in known:
                known[last] = _instant_rate(windows, last, output, is_rate=is_rate)
            output.put_histograms(windows.series, np.array([step]), [known[last]])


def _instant_rate(windows: SeriesWindows, last: int, output: RangeOutput, *, is_rate: bool) -> NativeHistogram | None:
    previous, current = windows.samples[last - 1], windows.samples[last]
    is_gauge = [sample.hint is ResetHint.GAUGE for sample in (previous, current)]
    if is_rate and any(is_gauge):
        output.warn(f"this native histogram metric is not a counter: {quote(windows.name)}")
    if not is_rate and not all(is_gauge):
        output.warn(f"this native histogram metric is not a gauge: {quote(windows.name)}")
    result = current
    if not is_rate or not is_reset(current, previous):
        combined = subtract(current, previous)
        if combined is None:
            output.warn(f"{MIXED_BUCKETS} {quote(windows.name)}")
            return None
        if combined.reconciled:
            output.inform("mismatched custom buckets were reconciled during subtraction")
        result = combined.histogram
    times_ms = windows.histograms.timestamps_ms
    return gauge(divided(result, (times_ms[last] - times_ms[last - 1]) / 1000) if is_rate else result)
