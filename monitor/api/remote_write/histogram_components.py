"""Native histograms of a remote write request as the float series that the store keeps of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.api.remote_write.histogram_message import HistogramSample
from monitor.model.native_histograms import COMPONENT_LABEL, CUSTOM_SCHEMA, Component, Part
from monitor.model.protobuf_fields import bytes_field
from monitor.model.samples import STALE, Timestamps, Values


@dataclass(frozen=True, slots=True, eq=False)
class ComponentSeries:
    """One float series: the key is its encoded label set. `values` (N,) at `timestamps_ms` (N,), ascending."""

    key: bytes
    timestamps_ms: Timestamps
    values: Values


def component_series(samples: Iterable[tuple[bytes, HistogramSample]]) -> Iterator[ComponentSeries]:
    """The components of all samples, given with the encoded labels of their series."""
    by_scale: dict[tuple[bytes, int, tuple[float, ...]], dict[int, HistogramSample]] = {}
    scale_of: dict[bytes, tuple[int, tuple[float, ...]]] = {}
    for key, sample in samples:
        # A stale marker says nothing of its scale: it ends what the series had last.
        scale = scale_of.get(key, (sample.schema, ())) if sample.is_stale else (sample.schema, sample.custom_bounds)
        scale_of[key] = scale
        by_scale.setdefault((key, *scale), {}).setdefault(sample.timestamp_ms, sample)
    for (key, schema, custom_bounds), of_scale in by_scale.items():
        yield from _of_scale(key, schema, custom_bounds, [of_scale[at_ms] for at_ms in sorted(of_scale)])


def _of_scale(
    key: bytes, schema: int, custom_bounds: tuple[float, ...], samples: list[HistogramSample]
) -> Iterator[ComponentSeries]:
    times_ms = np.array([sample.timestamp_ms for sample in samples], np.int64)
    stale = np.array([sample.is_stale for sample in samples])
    for component, values in _columns(schema, custom_bounds, samples):
        column = np.where(stale, STALE, np.array(values, np.float64))
        yield ComponentSeries(key + _encoded_label(component), times_ms, column)


def _columns(
    schema: int, custom_bounds: tuple[float, ...], samples: list[HistogramSample]
) -> Iterator[tuple[Component, list[float]]]:
    heads = {
        Part.COUNT: [sample.count for sample in samples],
        Part.SUM: [sample.sum for sample in samples],
        Part.HINT: [float(sample.hint) for sample in samples],
    }
    if schema != CUSTOM_SCHEMA:
        heads[Part.ZERO_COUNT] = [sample.zero_count for sample in samples]
        heads[Part.ZERO_THRESHOLD] = [sample.zero_threshold for sample in samples]
    for part, values in heads.items():
        yield Component(schema, custom_bounds, part), values
    for bucket in sorted({bucket for sample in samples for bucket in sample.negative}):
        values = [sample.negative.get(bucket, 0.0) for sample in samples]
        yield Component(schema, custom_bounds, Part.NEGATIVE, bucket), values
    for bucket in sorted({bucket for sample in samples for bucket in sample.positive}):
        values = [sample.positive.get(bucket, 0.0) for sample in samples]
        yield Component(schema, custom_bounds, Part.POSITIVE, bucket), values


def _encoded_label(component: Component) -> bytes:
    return bytes_field(1, bytes_field(1, COMPONENT_LABEL.encode()) + bytes_field(2, str(component).encode()))
