"""The histogram of an exposed metric, classic, native or both (io/prometheus/client/metrics.proto):

    Histogram   1: count (varint)    4: count (double)   2: sum (double)   3: Bucket ...
                5: schema (zigzag)   6: zero threshold (double)   7: zero count (varint)   8: zero count (double)
                9: negative spans   10: negative deltas (zigzag)   11: negative counts (double)
                12: positive spans  13: positive deltas            14: positive counts
    Bucket      1: cumulative count (varint)   4: cumulative count (double)   2: upper bound (double)

monitor/model/histogram_spans.py says how the buckets of native ones are written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from monitor.config.scrape_config import HistogramScraping
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.model.histogram_spans import SpannedBuckets
from monitor.model.native_histograms import SCHEMA_MAX, SCHEMA_MIN, ResetHint
from monitor.model.protobuf_fields import fields, next_field, pack_doubles, read_double, read_varint, zigzag
from monitor.scrape.exposition.exposition_grammar import MetricType

_POSITIVE_DELTA_TAG = 13 << 3
_DELTA_RUN = re.compile(rb"(?:\x50[\x80-\xff]{0,9}+[\x00-\x7f])++|(?:\x68[\x80-\xff]{0,9}+[\x00-\x7f])++")
"""Deltas that are not packed stand one behind the other: read together they take a fifth of the time."""
_RESERVED_SCHEMA_MAX = 52
"""Schemas up to here are exponential too, and taken as SCHEMA_MAX: upstream's IsExponentialSchemaReserved."""
_FINEST_FACTOR = 1.00271
"""What `min_bucket_factor` is if it asks for nothing: 2^(2^-8)."""


class NativeOutline(NamedTuple):
    """What stays the same of a native histogram while no bucket is added: a scale and ascending bucket indices."""

    schema: int
    negative: tuple[int, ...]
    positive: tuple[int, ...]


@dataclass(slots=True)
class ExposedHistogram:
    """As it stands in a message. A count of None is not there."""

    count: float = 0.0
    float_count: float = 0.0
    sum: float = 0.0
    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    float_zero_count: float = 0.0
    bounds: list[float] = field(default_factory=list)
    cumulative: list[float] = field(default_factory=list)
    negative: SpannedBuckets = field(default_factory=SpannedBuckets)
    positive: SpannedBuckets = field(default_factory=SpannedBuckets)

    @property
    def is_native(self) -> bool:
        """Upstream's isNativeHistogram: an empty one says so by a span of length 0."""
        return bool(self.negative.spans or self.positive.spans or self.zero_threshold > 0 or self.zero_count > 0)


def read_histogram(message: bytes, start: int, end: int) -> ExposedHistogram:
    """Raises ValueError or IndexError."""
    histogram = ExposedHistogram()
    negative, positive = histogram.negative, histogram.positive
    position = start
    while position < end:
        run = _DELTA_RUN.match(message, position, end)
        if run is not None:
            (positive if run[0][0] == _POSITIVE_DELTA_TAG else negative).add_delta_run(run[0])
            position = run.end()
            continue
        number, first, last = next_field(message, position, end)
        position = last
        if number == 12:
            positive.add_span(message, first, last)
        elif number == 13:
            positive.add_deltas(message, first, last)
        elif number == 14:
            positive.add_float_counts(message, first, last)
        elif number == 3:
            _read_bucket(message, first, last, histogram)
        elif number == 9:
            negative.add_span(message, first, last)
        elif number == 10:
            negative.add_deltas(message, first, last)
        elif number == 11:
            negative.add_float_counts(message, first, last)
        else:
            _read_head(message, number, first, last, histogram)
    return histogram


def _read_head(message: bytes, number: int, start: int, end: int, histogram: ExposedHistogram) -> None:
    if number == 1:
        histogram.count = float(read_varint(message, start)[0])
    elif number == 2:
        histogram.sum = read_double(message, start, end)
    elif number == 4:
        histogram.float_count = read_double(message, start, end)
    elif number == 5:
        histogram.schema = zigzag(read_varint(message, start)[0])
    elif number == 6:
        histogram.zero_threshold = read_double(message, start, end)
    elif number == 7:
        histogram.zero_count = float(read_varint(message, start)[0])
    elif number == 8:
        histogram.float_zero_count = read_double(message, start, end)


def _read_bucket(message: bytes, start: int, end: int, histogram: ExposedHistogram) -> None:
    count = float_count = bound = 0.0
    for number, first, last in fields(message, start, end):
        if number == 1:
            count = float(read_varint(message, first)[0])
        elif number == 2:
            bound = read_double(message, first, last)
        elif number == 4:
            float_count = read_double(message, first, last)
    histogram.bounds.append(bound)
    histogram.cumulative.append(float_count or count)


def exposed(
    histogram: ExposedHistogram, type_: MetricType, wanted: HistogramScraping, numbers: list[float]
) -> tuple[bytes | None, NativeOutline | None]:
    """Adds what is wanted of a histogram to `numbers`: its classic form, of which the upper bounds are returned, its
    native one, or both. Raises ValueError if it makes no sense, ScrapeError if it has too many buckets."""
    is_native = wanted.native and histogram.is_native
    bounds = None
    if not is_native or (wanted.always_classic and histogram.bounds):
        bounds = _add_classic(histogram, numbers)
    return bounds, _add_native(histogram, type_, wanted, numbers) if is_native else None


def _add_classic(histogram: ExposedHistogram, numbers: list[float]) -> bytes:
    """Up to the bucket that ends at infinity, which is added if it is not there."""
    count = histogram.float_count or histogram.count
    bounds, cumulative = histogram.bounds, histogram.cumulative
    if math.inf in bounds:
        size = bounds.index(math.inf) + 1
        bounds, cumulative = bounds[:size], cumulative[:size]
    else:
        bounds, cumulative = [*bounds, math.inf], [*cumulative, count]
    numbers += (count, histogram.sum, *cumulative)
    return pack_doubles(bounds)


def _add_native(
    histogram: ExposedHistogram, type_: MetricType, wanted: HistogramScraping, numbers: list[float]
) -> NativeOutline:
    is_float = histogram.float_count > 0 or histogram.float_zero_count > 0
    count = histogram.float_count if is_float else histogram.count
    zero_count = histogram.float_zero_count if is_float else histogram.zero_count
    hint = ResetHint.GAUGE if type_ is MetricType.GAUGE_HISTOGRAM else ResetHint.UNKNOWN
    outline, counts = _as_fine_as_wanted(histogram, wanted)
    least = min(count, zero_count, *counts)
    if least < 0:
        raise ValueError(f"got the count {least} in a native histogram, want none below 0")
    numbers += (count, histogram.sum, float(hint), zero_count, histogram.zero_threshold, *counts)
    return outline


def _as_fine_as_wanted(histogram: ExposedHistogram, wanted: HistogramScraping) -> tuple[NativeOutline, list[float]]:
    """The outline and the counts of its buckets."""
    schema = histogram.schema
    if not SCHEMA_MIN <= schema <= _RESERVED_SCHEMA_MAX:
        raise ValueError(f"got the schema {schema} of a native histogram, want {SCHEMA_MIN} to {SCHEMA_MAX}")
    negative, positive = histogram.negative.counts(), histogram.positive.counts()
    below, above = histogram.negative.indices(len(negative)), histogram.positive.indices(len(positive))
    schema_max = finest_schema(wanted.min_bucket_factor)
    if schema <= schema_max and not 0 < wanted.bucket_limit < len(below) + len(above):
        return NativeOutline(schema, tuple(below), tuple(above)), [*negative, *positive]
    steps = max(0, schema - schema_max)
    fewer_below = _coarser(dict(zip(below, negative, strict=True)), steps)
    fewer_above = _coarser(dict(zip(above, positive, strict=True)), steps)
    schema -= steps
    while 0 < wanted.bucket_limit < _used(fewer_below) + _used(fewer_above):
        if schema == SCHEMA_MIN:
            raise ScrapeError(ScrapeFailure.LIMIT, "histogram bucket limit exceeded")
        schema -= 1
        fewer_below, fewer_above = _coarser(fewer_below, 1), _coarser(fewer_above, 1)
    outline = NativeOutline(schema, tuple(fewer_below), tuple(fewer_above))
    return outline, [*fewer_below.values(), *fewer_above.values()]


def _used(counts: dict[int, float]) -> int:
    """Empty buckets do not count for the limit."""
    return sum(map(bool, counts.values()))


def _coarser(counts: dict[int, float], steps: int) -> dict[int, float]:
    """Counts by bucket index, `steps` schemas lower."""
    merged: dict[int, float] = {}
    for index, count in counts.items():
        coarse = ((index - 1) >> steps) + 1
        merged[coarse] = merged.get(coarse, 0.0) + count
    return merged


@lru_cache
def finest_schema(min_bucket_factor: float) -> int:
    """The highest schema whose buckets grow by at least this factor (upstream's pickSchema)."""
    factor = _FINEST_FACTOR if min_bucket_factor <= 1 else min_bucket_factor
    schema = math.floor(-math.log2(math.log2(factor)))
    return max(SCHEMA_MIN, min(schema, SCHEMA_MAX))
