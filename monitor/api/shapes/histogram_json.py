"""Query results that have native histograms as JSON: a series may have both `values` and `histograms`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.api.shapes.float_text import float_text, timestamp_text
from monitor.model.frame import Frame
from monitor.model.native_histograms import Bucket, Histograms, NativeHistogram, used_buckets
from monitor.model.samples import Timestamps, Values
from monitor.promql.limits import Guard
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import QueryResult, ResultType


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """The points of one series, (N,); in `histograms` None where a point is a float."""

    timestamps_ms: Timestamps
    values: Values
    histograms: Histograms


def histogram_pieces(result: QueryResult, metrics: Sequence[bytes], guard: Guard) -> Iterator[bytes]:
    """The value of `data.result`, a series a piece. `metrics` are the label sets as JSON."""
    is_vector = result.type is ResultType.VECTOR
    yield b"["
    for number, (metric, points) in enumerate(zip(metrics, _points(result), strict=True)):
        guard.check()
        comma = b"," if number else b""
        yield b'%b{"metric":%b%b}' % (comma, metric, _members(points, is_vector=is_vector))
    yield b"]"


def _points(result: QueryResult) -> Iterator[_Points]:
    value = result.value
    if isinstance(value, SampleRuns):
        assert value.histograms is not None, "BUG: got no histograms"
        for start, end in zip(value.starts[:-1].tolist(), value.starts[1:].tolist(), strict=True):
            yield _Points(value.timestamps_ms[start:end], value.values[start:end], value.histograms[start:end])
        return
    assert isinstance(value, Frame) and value.histograms is not None, "BUG: got no histograms"
    times_ms, mask = result.steps.times_ms(), value.mask()
    for row in range(value.series):
        there = np.flatnonzero(mask[row])
        yield _Points(times_ms[there], value.values[row, there], value.histograms[row, there])


def _members(points: _Points, *, is_vector: bool) -> bytes:
    """`,"values":[…],"histograms":[…]`, without what is empty; of a vector's only point in the singular."""
    floats, histograms = [], []
    for at_ms, value, histogram in zip(
        points.timestamps_ms.tolist(), points.values.tolist(), points.histograms.tolist(), strict=True
    ):
        time = timestamp_text(at_ms)
        if histogram is None:
            floats.append(b'[%b,"%b"]' % (time, float_text(value).encode()))
        else:
            histograms.append(b"[%b,%b]" % (time, histogram_text(histogram)))
    if is_vector:
        return b',"value":%b' % floats[0] if floats else b',"histogram":%b' % histograms[0]
    members = b',"values":[%b]' % b",".join(floats) if floats else b""
    return members + (b',"histograms":[%b]' % b",".join(histograms) if histograms else b"")


def histogram_text(histogram: NativeHistogram) -> bytes:
    """Count, sum, and the buckets that are not empty."""
    head = b'{"count":"%b","sum":"%b"' % (float_text(histogram.count).encode(), float_text(histogram.sum).encode())
    buckets = used_buckets(histogram)
    if not buckets:
        return head + b"}"
    return head + b',"buckets":[%b]}' % b",".join(map(_bucket_text, buckets))


def _bucket_text(bucket: Bucket) -> bytes:
    numbers = ",".join(f'"{float_text(number)}"' for number in (bucket.lower, bucket.upper, bucket.count))
    return f"[{_boundaries(bucket)},{numbers}]".encode()


def _boundaries(bucket: Bucket) -> int:
    """Which bounds belong to it, as the HTTP API numbers it: 0 the upper, 1 the lower, 2 neither, 3 both."""
    if bucket.has_lower:
        return 3 if bucket.has_upper else 1
    return 0 if bucket.has_upper else 2
