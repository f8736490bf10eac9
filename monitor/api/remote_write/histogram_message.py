"""A native histogram of remote write 1.0 (prompb/types.proto):

    Histogram   1: count (varint)   2: count (double)   3: sum   4: schema (zigzag)   5: zero threshold
                6: zero count (varint)   7: zero count (double)
                8: negative spans   9: negative deltas (zigzag)   10: negative counts (double)
                11: positive spans  12: positive deltas           13: positive counts
                14: reset hint   15: timestamp in milliseconds   16: custom bounds (double)

monitor/model/histogram_spans.py says how buckets are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.errors import BadRequest
from monitor.model.histogram_spans import SpannedBuckets
from monitor.model.native_histograms import CUSTOM_SCHEMA, SCHEMA_MAX, SCHEMA_MIN, ResetHint
from monitor.model.protobuf_fields import fields, read_doubles, read_varint, signed, zigzag

_STALE_BITS = 0x7FF0000000000002


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """Counts by bucket index. A stale marker has nothing but a time, a scale and `is_stale`."""

    timestamp_ms: int
    schema: int
    custom_bounds: tuple[float, ...]
    count: float
    sum: float
    zero_threshold: float
    zero_count: float
    negative: dict[int, float]
    positive: dict[int, float]
    hint: ResetHint
    is_stale: bool


def decode_histogram(message: bytes) -> HistogramSample:
    """Raises BadRequest on what is no histogram."""
    try:
        return _checked(_decoded(message))
    except (ValueError, IndexError) as error:
        raise BadRequest(f"native histogram: {error}") from None


def _decoded(message: bytes) -> HistogramSample:
    varints: dict[int, int] = {}
    doubles: dict[int, float] = {}
    custom_bounds: list[float] = []
    negative, positive = SpannedBuckets(), SpannedBuckets()
    for number, start, end in fields(message, 0, len(message)):
        if number in (8, 11):
            (negative if number == 8 else positive).add_span(message, start, end)
        elif number in (9, 12):
            (negative if number == 9 else positive).add_deltas(message, start, end)
        elif number in (10, 13):
            (negative if number == 10 else positive).add_float_counts(message, start, end)
        elif number == 16:
            custom_bounds += read_doubles(message, start, end)
        elif number in (2, 3, 5, 7):
            doubles[number] = read_doubles(message, start, end)[0]
        else:
            varints[number], _ = read_varint(message, start)
    is_stale = np.float64(doubles.get(3, 0.0)).view(np.uint64) == _STALE_BITS
    return HistogramSample(
        timestamp_ms=signed(varints.get(15, 0)),
        schema=zigzag(varints.get(4, 0)),
        custom_bounds=tuple(custom_bounds),
        count=doubles[2] if 2 in doubles else float(varints.get(1, 0)),
        sum=doubles.get(3, 0.0),
        zero_threshold=doubles.get(5, 0.0),
        zero_count=doubles[7] if 7 in doubles else float(varints.get(6, 0)),
        negative={} if is_stale else negative.by_index(),
        positive={} if is_stale else positive.by_index(),
        hint=ResetHint(varints.get(14, 0)),
        is_stale=bool(is_stale),
    )


def _checked(sample: HistogramSample) -> HistogramSample:
    if sample.schema == CUSTOM_SCHEMA:
        _check_custom(sample)
    elif not SCHEMA_MIN <= sample.schema <= SCHEMA_MAX:
        wanted = f"{SCHEMA_MIN} to {SCHEMA_MAX}, or {CUSTOM_SCHEMA} for custom bounds"
        raise BadRequest(f"native histogram: got the schema {sample.schema}, want {wanted}")
    elif sample.custom_bounds:
        raise BadRequest(f"native histogram: got custom bounds with the schema {sample.schema}, want none")
    counts = [sample.count, sample.zero_count, *sample.negative.values(), *sample.positive.values()]
    if any(count < 0 for count in counts):
        raise BadRequest(f"native histogram: got the count {min(counts)}, want none below 0")
    return sample


def _check_custom(sample: HistogramSample) -> None:
    bounds = sample.custom_bounds
    if any(not after > before for before, after in pairwise(bounds)):
        raise BadRequest(f"native histogram: got the custom bounds {list(bounds)}, want them to ascend")
    if bounds and not np.isfinite(bounds).all():
        raise BadRequest(f"native histogram: got the custom bounds {list(bounds)}, want finite ones")
    if sample.negative or sample.zero_count or sample.zero_threshold:
        raise BadRequest("native histogram: got negative or zero buckets with custom bounds, want none")
    if any(not 0 <= bucket <= len(bounds) for bucket in sample.positive):
        raise BadRequest(f"native histogram: got a bucket behind the {len(bounds)} custom bounds")
