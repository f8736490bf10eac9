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

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from monitor.config.scrape_config import HistogramScraping
from monitor.errors import ExpositionError, ScrapeError, ScrapeFailure
from monitor.model.protobuf_fields import (
    fields,
    next_field,
    pack_doubles,
    read_double,
    read_varint,
    signed,
    unpack_double,
)
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
_METRIC_TAG = 4 << 3 | 2
_DOUBLE_TAG = 1 << 3 | 1
_USUAL_NUMBER_BYTES = 11
"""The tag and length of a message, and the tag and bytes of the double that it begins with."""
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
    classic histogram as doubles, None where there is neither; `native` what its native histogram is like. One that
    `is_single` has a single number and no timestamp.
    """

    family: FamilyMetadata
    labels: bytes
    bounds: bytes | None = None
    native: NativeOutline | None = None
    is_stamped: bool = False
    is_single: bool = False


class ExposedMetrics(NamedTuple):
    """A whole body. `numbers` are the cells of all outlines: first those of a single number, a summary or a classic
    histogram (count, sum, and what belongs to the bounds), then those of a native one. `timestamps_ms` are those of the
    stamped outlines. `families` have metrics; those without are left out."""

    outlines: list[MetricOutline]
    numbers: list[float]
    timestamps_ms: list[int]
    families: tuple[FamilyMetadata, ...]


def read_metric_families(
    body: bytes, histograms: HistogramScraping, cells_max: int, expected: Sequence[MetricOutline] = ()
) -> ExposedMetrics:
    """Reads faster what is as `expected`, the outlines of the body before.

    Raises ExpositionError on what is not well-formed, and ScrapeError if a limit is exceeded.
    """
    reader = _FamilyReader(body, histograms, expected)
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

    __slots__ = ("_body", "_expected", "_histograms", "numbers", "outlines", "timestamps_ms")

    def __init__(self, body: bytes, histograms: HistogramScraping, expected: Sequence[MetricOutline]) -> None:
        self._body = body
        self._histograms = histograms
        self._expected = expected
        self.outlines: list[MetricOutline] = []
        self.numbers: list[float] = []
        self.timestamps_ms: list[int] = []

    def read_family(self, start: int, end: int) -> FamilyMetadata | None:
        """What the family is called; None if it has no metrics."""
        body, outlines, numbers = self._body, len(self.outlines), len(self.numbers)
        header, header_end = self._read_expected(start, end)
        metrics, position = [], header_end
        while position < end:
            number, first, last = next_field(body, position, end)
            if number == 4:
                metrics.append((first, last))
            elif len(self.outlines) == outlines:
                header += body[position:last]
            else:
                # More of the header behind metrics that were read as if it were complete.
                del self.outlines[outlines:], self.numbers[numbers:]
                self._expected = ()
                return self.read_family(start, end)
            position = last
        if not metrics and len(self.outlines) == outlines:
            return None
        family = _family_of(header)
        for first, last in metrics:
            self._read_metric(first, last, family)
        return family

    def _read_expected(self, start: int, end: int) -> tuple[bytes, int]:
        """Reads the metrics that a family begins with, as far as they are those expected next, have a single number and
        are written as usual: labels, then the message of the value, which begins with that. Takes a fifth of the time.

        The header before them, and where they end.
        """
        body, position = self._body, start
        while position < end and body[position] != _METRIC_TAG:
            _, _, position = next_field(body, position, end)
        header, expected, index = body[start:position], self._expected, len(self.outlines)
        family = _family_of(header) if position < end and index < len(expected) else None
        value_tag = 0 if family is None else _FIELD_OF_TYPE[family.type] << 3 | 2
        while index < len(expected) and position + _USUAL_NUMBER_BYTES < end and body[position] == _METRIC_TAG:
            outline, length, first = expected[index], body[position + 1], position + 2
            if length >= 0x80:
                length, first = (length & 0x7F) + (body[first] << 7), first + 1
            last, value = first + length, first + len(outline.labels)
            if (
                outline.family is not family
                or not outline.is_single
                or value + _USUAL_NUMBER_BYTES > last
                or last > end
                or not body.startswith(outline.labels, first)
                or body[value] != value_tag
                or value + 2 + body[value + 1] != last
                or body[value + 2] != _DOUBLE_TAG
            ):
                break
            self.outlines.append(outline)
            self.numbers += unpack_double(body, value + 3)
            index, position = index + 1, last
        return header, position

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
        is_single = value_field not in (4, 7) and not timestamp_ms
        self.outlines.append(MetricOutline(family, b"".join(labels), bounds, native, timestamp_ms != 0, is_single))

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
