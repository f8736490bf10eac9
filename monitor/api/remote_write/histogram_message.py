"""A native histogram of remote write 1.0 (prompb/types.proto):

    Histogram   1: count (varint)   2: count (double)   3: sum   4: schema (zigzag)   5: zero threshold
                6: zero count (varint)   7: zero count (double)
                8: negative spans   9: negative deltas (zigzag)   10: negative counts (double)
                11: positive spans  12: positive deltas           13: positive counts
                14: reset hint   15: timestamp in milliseconds   16: custom bounds (double)
    BucketSpan  1: offset (zigzag)   2: length

Integer histograms give the first bucket's count and then differences, float histograms the counts themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from monitor.api.remote_write.protobuf_fields import fields, read_varint, signed, zigzag
from monitor.errors import BadRequest
from monitor.model.native_histograms import CUSTOM_SCHEMA, SCHEMA_MAX, SCHEMA_MIN, ResetHint

_BUCKETS_MAX = 10_000
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


@dataclass(slots=True)
class _Side:
    """The buckets of one sign as they come."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    deltas: list[int] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)

    def buckets(self) -> dict[int, float]:
        counts: Sequence[float] = self.counts or [float(count) for count in accumulate(self.deltas)]
        lengths = sum(length for _, length in self.spans)
        if lengths != len(counts):
            raise BadRequest(f"native histogram: got {len(counts)} buckets, want {lengths} as the spans say")
        if lengths > _BUCKETS_MAX:
            raise BadRequest(f"native histogram: got {lengths} buckets, want at most {_BUCKETS_MAX}")
        if any(offset < 0 for offset, _ in self.spans[1:]):
            raise BadRequest("native histogram: got a span that begins before the end of the one before it")
        indices: list[int] = []
        position = 0
        for offset, length in self.spans:
            indices += range(position + offset, position + offset + length)
            position += offset + length
        return dict(zip(indices, counts, strict=True))


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
    negative, positive = _Side(), _Side()
    for number, start, end in fields(message, 0, len(message)):
        if number in (8, 11):
            (negative if number == 8 else positive).spans.append(_span(message, start, end))
        elif number in (9, 12):
            (negative if number == 9 else positive).deltas.extend(_deltas(message, start, end))
        elif number in (10, 13):
            (negative if number == 10 else positive).counts.extend(_doubles(message, start, end))
        elif number == 16:
            custom_bounds += _doubles(message, start, end)
        elif number in (2, 3, 5, 7):
            doubles[number] = _doubles(message, start, end)[0]
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
        negative={} if is_stale else negative.buckets(),
        positive={} if is_stale else positive.buckets(),
        hint=ResetHint(varints.get(14, 0)),
        is_stale=bool(is_stale),
    )


def _span(message: bytes, start: int, end: int) -> tuple[int, int]:
    offset = length = 0
    for number, first, _ in fields(message, start, end):
        value, _ = read_varint(message, first)
        if number == 1:
            offset = zigzag(value)
        elif number == 2:
            length = value
    return offset, length


def _deltas(message: bytes, start: int, end: int) -> list[int]:
    """Packed, or a single one."""
    result = []
    while start < end:
        value, start = read_varint(message, start)
        result.append(zigzag(value))
    return result


def _doubles(message: bytes, start: int, end: int) -> list[float]:
    """Packed, or a single one."""
    count, rest = divmod(end - start, 8)
    if rest or end > len(message):
        raise ValueError(f"got {end - start} bytes of doubles at {start}, want a multiple of 8")
    return [float(value) for value in np.frombuffer(message, "<f8", count, start)]


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
