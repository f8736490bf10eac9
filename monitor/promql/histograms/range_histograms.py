"""Functions of range vectors where some of the samples are native histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from monitor.errors import Span
from monitor.model.labels import quote
from monitor.model.native_histograms import NativeHistogram
from monitor.model.samples import Indices, Mask, Timestamps
from monitor.promql.context import QueryContext
from monitor.promql.histograms.arithmetic import are_equal, is_reset
from monitor.promql.histograms.range_windows import RangeOutput, SeriesWindows, series_windows
from monitor.promql.histograms.rates import MIXED_BUCKETS, MIXED_SAMPLES, put_instant_rates, put_rates
from monitor.promql.histograms.totals import total
from monitor.promql.ranges.range_vectors import RangeVector
from monitor.promql.values import Vector

_IGNORED = "ignored histograms in a range containing both floats and histograms for metric name"

_Handler = Callable[[SeriesWindows, RangeOutput], None]


def with_histogram_windows(
    function: str, samples: RangeVector, floats: Vector, span: Span, context: QueryContext
) -> Vector:
    """`floats` is what the function makes of the floats; here is added what it makes of histograms, or of both."""
    output = RangeOutput.of(floats, span, context)
    handler = _HANDLERS.get(function, _ignore)
    for windows in series_windows(samples):
        context.guard.check()
        handler(windows, output)
    return output.vector(floats)


def _ignore(windows: SeriesWindows, output: RangeOutput) -> None:
    """The function sees floats only."""
    if windows.is_mixed.any():
        output.inform(f"{_IGNORED} {quote(windows.name)}")


def _count(windows: SeriesWindows, output: RangeOutput) -> None:
    count = windows.histograms.count + windows.floats.count
    output.put_numbers(windows.series, count > 0, count.astype(np.float64))


def _present(windows: SeriesWindows, output: RangeOutput) -> None:
    output.put_numbers(windows.series, windows.histograms.count > 0, np.ones(len(windows.ends_ms)))


def _totals(windows: SeriesWindows, output: RangeOutput, *, mean: bool) -> None:
    if windows.is_mixed.any():
        output.warn(f"{MIXED_SAMPLES} {quote(windows.name)}")
        output.drop(windows.series, windows.is_mixed)
    steps = np.flatnonzero((windows.histograms.count > 0) & (windows.floats.count == 0))
    spans = windows.histograms
    bounds = zip(spans.first[steps].tolist(), spans.end[steps].tolist(), strict=True)
    known: dict[tuple[int, int], NativeHistogram | None] = {}
    for bound in bounds:
        if bound not in known:
            known[bound] = _total(windows, bound, output, mean=mean)
    pairs = zip(spans.first[steps].tolist(), spans.end[steps].tolist(), strict=True)
    output.put_histograms(windows.series, steps, [known[pair] for pair in pairs])


def _total(
    windows: SeriesWindows, bounds: tuple[int, int], output: RangeOutput, *, mean: bool
) -> NativeHistogram | None:
    found = total(windows.samples[slice(*bounds)].tolist(), mean=mean)
    if found is None:
        output.warn(f"{MIXED_BUCKETS} {quote(windows.name)}")
        return None
    if found.collided:
        output.warn("conflicting counter resets during histogram aggregation")
    if found.reconciled:
        output.inform("mismatched custom buckets were reconciled during aggregation")
    return found.histogram


def _edge(windows: SeriesWindows, output: RangeOutput, *, is_last: bool) -> None:
    """The first or the last sample, of whatever kind."""
    own = windows.histograms
    position = own.end - 1 if is_last else own.first
    is_chosen = (own.count > 0) & _is_outer(windows, is_last=is_last)
    steps = np.flatnonzero(is_chosen)
    output.put_histograms(windows.series, steps, windows.samples[position[steps]].tolist())


def _edge_time(windows: SeriesWindows, output: RangeOutput, *, is_last: bool) -> None:
    own = windows.histograms
    is_chosen = (own.count > 0) & _is_outer(windows, is_last=is_last)
    times_ms = _times_at(own.timestamps_ms, own.end - 1 if is_last else own.first)
    output.put_numbers(windows.series, is_chosen, times_ms / 1000)


def _is_outer(windows: SeriesWindows, *, is_last: bool) -> Mask:
    """Whether a histogram, not a float, is the last (the first) sample of the window."""
    own, floats = windows.histograms, windows.floats
    if not len(floats.timestamps_ms):
        return np.ones(len(windows.ends_ms), np.bool_)
    own_ms = _times_at(own.timestamps_ms, own.end - 1 if is_last else own.first)
    float_ms = _times_at(floats.timestamps_ms, floats.end - 1 if is_last else floats.first)
    return np.asarray((floats.count == 0) | (own_ms >= float_ms if is_last else own_ms <= float_ms))


def _times_at(timestamps_ms: Timestamps, positions: Indices) -> Timestamps:
    return timestamps_ms[np.clip(positions, 0, len(timestamps_ms) - 1)]


def _pairs(
    windows: SeriesWindows,
    output: RangeOutput,
    *,
    of_floats: Callable[[float, float], bool],
    of_histograms: Callable[[NativeHistogram, NativeHistogram], bool],
) -> None:
    """How many samples differ from the one before them; a float always differs from a histogram."""
    own, floats = windows.histograms, windows.floats
    times_ms = np.concatenate([floats.timestamps_ms, own.timestamps_ms])
    order = np.argsort(times_ms, kind="stable")
    samples = [*windows.values.tolist(), *windows.samples.tolist()]
    ordered = [samples[position] for position in order.tolist()]
    differs = np.zeros(len(ordered), np.intp)
    for position in range(1, len(ordered)):
        before, after = ordered[position - 1], ordered[position]
        if isinstance(before, float) and isinstance(after, float):
            differs[position] = of_floats(after, before)
        elif isinstance(before, NativeHistogram) and isinstance(after, NativeHistogram):
            differs[position] = of_histograms(after, before)
        else:
            differs[position] = 1
    running = np.cumsum(differs)
    first, end = own.first + floats.first, own.end + floats.end
    there = (end > first) & (own.count > 0)
    first, last = np.clip(first, 0, len(ordered) - 1), np.clip(end - 1, 0, len(ordered) - 1)
    output.put_numbers(windows.series, there, (running[last] - running[first]).astype(np.float64))


def _is_other_number(after: float, before: float) -> bool:
    return after != before and not (np.isnan(after) and np.isnan(before))


_HANDLERS: Mapping[str, _Handler] = MappingProxyType(
    {
        "absent_over_time": _present,
        "avg_over_time": partial(_totals, mean=True),
        "changes": partial(
            _pairs, of_floats=_is_other_number, of_histograms=lambda after, before: not are_equal(after, before)
        ),
        "count_over_time": _count,
        "delta": partial(put_rates, is_counter=False, is_rate=False),
        "first_over_time": partial(_edge, is_last=False),
        "idelta": partial(put_instant_rates, is_rate=False),
        "increase": partial(put_rates, is_counter=True, is_rate=False),
        "irate": partial(put_instant_rates, is_rate=True),
        "last_over_time": partial(_edge, is_last=True),
        "present_over_time": _present,
        "rate": partial(put_rates, is_counter=True, is_rate=True),
        "resets": partial(_pairs, of_floats=lambda after, before: after < before, of_histograms=is_reset),
        "sum_over_time": partial(_totals, mean=False),
        "ts_of_first_over_time": partial(_edge_time, is_last=False),
        "ts_of_last_over_time": partial(_edge_time, is_last=True),
    }
)
"""The other functions ignore histograms, and say so where they see floats too."""
