"""What a vector selector gives where some of the samples are native histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from monitor.model.native_histograms import are_histograms
from monitor.model.samples import Timestamps
from monitor.promql.histograms.components import HistogramRun, float_samples
from monitor.promql.steps import Steps
from monitor.promql.values import Vector
from monitor.storage.interfaces import Stripe

_NEVER_MS = np.iinfo(np.int64).min


def with_last_histograms(
    floats: Vector, stripes: Sequence[Stripe], runs: Sequence[HistogramRun], seen: Steps, lookback_ms: int
) -> Vector:
    """`floats` and, where the last sample within the lookback is a histogram, that one."""
    at_ms = seen.times_ms()
    present, values = floats.mask().copy(), np.array(floats.values)
    histograms = np.full(values.shape, None, object)
    for run in runs:
        position, times_ms = _last(run.timestamps_ms, at_ms)
        float_ms, _ = float_samples(stripes, run.series)
        is_last = (times_ms > at_ms - lookback_ms) & (times_ms >= _last(float_ms, at_ms)[1])
        samples = run.samples[position]
        there = is_last & are_histograms(samples)
        present[run.series] = np.where(is_last, there, present[run.series])
        histograms[run.series, there] = samples[there]
    return replace(floats, values=values, present=present, histograms=histograms)


def with_histogram_times(
    floats: Vector, stripes: Sequence[Stripe], runs: Sequence[HistogramRun], seen: Steps, lookback_ms: int
) -> Vector:
    """`floats` are the times of samples; with the times of the last histograms, in seconds."""
    found = with_last_histograms(floats, stripes, runs, seen, lookback_ms)
    at_ms = seen.times_ms()
    there = found.histogram_mask()
    values = np.array(found.values)
    for run in runs:
        times_ms = _last(run.timestamps_ms, at_ms)[1]
        values[run.series] = np.where(there[run.series], times_ms / 1000, values[run.series])
    return replace(found, values=values, histograms=None)


def _last(timestamps_ms: Timestamps, at_ms: Timestamps) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Timestamps]:
    """The position and the time of the last timestamp at or before each of `at_ms`; 0 and very long ago if none is."""
    position = np.searchsorted(timestamps_ms, at_ms, side="right") - 1
    if not len(timestamps_ms):
        return np.zeros(len(at_ms), np.intp), np.full(len(at_ms), _NEVER_MS)
    clipped = np.maximum(position, 0)
    return clipped, np.where(position >= 0, timestamps_ms[clipped], _NEVER_MS)
