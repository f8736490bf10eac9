"""Metric families as protobuf messages, each behind its length (io/prometheus/client/metrics.proto):

    MetricFamily  1: name   2: help   3: type (MetricType)   4: Metric ...   5: unit
    Metric        1: LabelPair ...   2: Gauge   3: Counter   4: Summary   5: Untyped   6: timestamp in ms   7: Histogram
    LabelPair     1: name   2: value
    Gauge         1: value (double); so Counter and Untyped
    Summary       1: count (varint)   2: sum (double)   3: Quantile ...
    Quantile      1: quantile (double)   2: value (double)

exposed_histogram.py has the Histogram. The rules are those of prometheus model/textparse/protobufparse.go, 3.14.
Exemplars and created timestamps are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from monitor.config.scrape_config import HistogramScraping
from monitor.errors import ExpositionError, ScrapeError, ScrapeFailure
from monitor.model.protobuf_fields import fields, pack_doubles, read_double, read_varint, signed
from monitor.scrape.exposition.exposed_histogram import NativeOutline, exposed, read_histogram
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.exposition.parse_exposition import FamilyMetadata

_HEADER_CACHE_SIZE = 4_096
_TYPES = (
    MetricType.COUNTER,
    MetricType.GAUGE,
    MetricType.SUMMARY,
    MetricType.UNKNOWN,
    MetricType.HISTOGRAM,
    MetricType.GAUGE_HISTOGRAM,
)
"""By their number."""
_FIELD_OF_TYPE = {
    MetricType.GAUGE: 2,
    MetricType.COUNTER: 3,
    MetricType.SUMMARY: 4,
    MetricType.UNKNOWN: 5,
    MetricType.HISTOGRAM: 7,
    MetricType.GAUGE_HISTOGRAM: 7,
}


class MetricOutline(NamedTuple):
    """What stays the same of a metric from scrape to scrape. A NamedTuple, for it is made and compared at every scrape.

    `labels` are its LabelPair fields as they stand. `bounds` are the quantiles of a summary or the upper bounds of a
    classic histogram as doubles, None where there is neither; `native` what its native histogram is like.
    """

    family: FamilyMetadata
    labels: bytes
    bounds: bytes | None = None
    native: NativeOutline | None = None
    is_stamped: bool = False


class ExposedMetrics(NamedTuple):
    """A whole body. `numbers` are the cells of all outlines: first those of a single number, a summary or a classic
    histogram (count, sum, and what belongs to the bounds), then those of a native one. `timestamps_ms` are those of the
    stamped outlines. `families` have metrics; those without are left out."""

    outlines: list[MetricOutline]
    numbers: list[float]
    timestamps_ms: list[int]
    families: tuple[FamilyMetadata, ...]


def read_metric_families(body: bytes, histograms: HistogramScraping, cells_max: int) -> ExposedMetrics:
    """Raises ExpositionError on what is not well-formed, and ScrapeError if a limit is exceeded."""
    reader = _FamilyReader(body, histograms)
    families: dict[FamilyMetadata, None] = {}
    position, count = 0, 0
    while position < len(body):
        count += 1
        try:
            length, start = read_varint(body, position)
            position = start + length
            if position > len(body):
                raise ValueError(f"got {len(body) - start} bytes, want {length}")
            family = reader.read_family(start, position)
        except (ValueError, IndexError) as error:
            raise ExpositionError(count, str(error), len(reader.outlines), "metric family") from None
        if family is not None:
            families[family] = None
        if len(reader.numbers) > cells_max:
            raise ScrapeError(ScrapeFailure.LIMIT, f"got more than {cells_max} numbers, want at most that many")
    return ExposedMetrics(reader.outlines, reader.numbers, reader.timestamps_ms, tuple(families))


def label_pairs(labels: bytes) -> list[tuple[str, str]]:
    """The pairs of an outline's labels. Raises ValueError if a text is not UTF-8."""
    pairs = []
    for _, start, end in fields(labels, 0, len(labels)):
        name = value = b""
        for number, first, last in fields(labels, start, end):
            if number == 1:
                name = labels[first:last]
            elif number == 2:
                value = labels[first:last]
        pairs.append((name.decode(), value.decode()))
    return pairs


class _FamilyReader:
    """Adds what it reads to `outlines`, `numbers` and `timestamps_ms`. Its methods raise ValueError or IndexError."""

    __slots__ = ("_body", "_histograms", "numbers", "outlines", "timestamps_ms")

    def __init__(self, body: bytes, histograms: HistogramScraping) -> None:
        self._body = body
        self._histograms = histograms
        self.outlines: list[MetricOutline] = []
        self.numbers: list[float] = []
        self.timestamps_ms: list[int] = []

    def read_family(self, start: int, end: int) -> FamilyMetadata | None:
        """What the family is called; None if it has no metrics."""
        header, metrics, field_start = [], [], start
        for number, first, last in fields(self._body, start, end):
            if number == 4:
                metrics.append((first, last))
            else:
                header.append(self._body[field_start:last])
            field_start = last
        if not metrics:
            return None
        family = _family_of(b"".join(header))
        for first, last in metrics:
            self._read_metric(first, last, family)
        return family

    def _read_metric(self, start: int, end: int, family: FamilyMetadata) -> None:
        body, value_field = self._body, _FIELD_OF_TYPE[family.type]
        labels, field_start = [], start
        value_start = value_end = timestamp_ms = 0
        for number, first, last in fields(body, start, end):
            if number == 1:
                labels.append(body[field_start:last])
            elif number == value_field:
                value_start, value_end = first, last
            elif number == 6:
                timestamp_ms = signed(read_varint(body, first)[0])
            field_start = last
        bounds: bytes | None = None
        native: NativeOutline | None = None
        if value_field == 7:
            histogram = read_histogram(body, value_start, value_end)
            bounds, native = exposed(histogram, family.type, self._histograms, self.numbers)
        elif value_field == 4:
            bounds = self._read_summary(value_start, value_end)
        else:
            self.numbers.append(self._read_number(value_start, value_end))
        if timestamp_ms:
            self.timestamps_ms.append(timestamp_ms)
        self.outlines.append(MetricOutline(family, b"".join(labels), bounds, native, timestamp_ms != 0))

    def _read_number(self, start: int, end: int) -> float:
        value = 0.0
        for number, first, last in fields(self._body, start, end):
            if number == 1:
                value = read_double(self._body, first, last)
        return value

    def _read_summary(self, start: int, end: int) -> bytes:
        body, count, total = self._body, 0, 0.0
        quantiles, values = [], []
        for number, first, last in fields(body, start, end):
            if number == 1:
                count, _ = read_varint(body, first)
            elif number == 2:
                total = read_double(body, first, last)
            elif number == 3:
                quantile = value = 0.0
                for inner, inner_first, inner_last in fields(body, first, last):
                    if inner == 1:
                        quantile = read_double(body, inner_first, inner_last)
                    elif inner == 2:
                        value = read_double(body, inner_first, inner_last)
                quantiles.append(quantile)
                values.append(value)
        self.numbers += (float(count), total, *values)
        return pack_doubles(quantiles)


@lru_cache(maxsize=_HEADER_CACHE_SIZE)
def _family_of(header: bytes) -> FamilyMetadata:
    """Raises ValueError or IndexError."""
    texts = {1: b"", 2: b"", 5: b""}
    type_number = 0
    for number, start, end in fields(header, 0, len(header)):
        if number in texts:
            texts[number] = header[start:end]
        elif number == 3:
            type_number, _ = read_varint(header, start)
    name, help_text, unit = (text.decode() for text in texts.values())
    if not name:
        raise ValueError("got no name, want one")
    if type_number >= len(_TYPES):
        raise ValueError(f"got type {type_number} of {name!r}, want one from 0 to {len(_TYPES) - 1}")
    family_type = _TYPES[type_number]
    named = name.removesuffix("_total") if family_type is MetricType.COUNTER else name
    if unit and not named.endswith(f"_{unit}"):
        raise ValueError(f"got unit {unit!r} of {name!r}, want one that the name ends with")
    return FamilyMetadata(name, family_type, help_text, unit)
