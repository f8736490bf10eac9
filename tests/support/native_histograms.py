"""Native histograms for tests: written as in Prometheus's own tests, encoded for remote write, kept as components.

{{schema:0 count:4 sum:5 z_bucket:1 z_bucket_w:0.001 buckets:[1 2] offset:1 n_buckets:[3] n_offset:0
  custom_values:[5 10] counter_reset_hint:gauge}}
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import cramjam

from monitor.model.native_histograms import CUSTOM_SCHEMA, Component, Part
from monitor.model.samples import STALE_BITS

_FIELD = re.compile(r"(\w+):(\[[^\]]*\]|\S+)")
_HINTS = {"unknown": 0, "reset": 1, "not_reset": 2, "gauge": 3}


@dataclass(frozen=True, slots=True)
class HistogramSpec:
    schema: int = 0
    count: float = 0.0
    sum: float = 0.0
    zero_count: float = 0.0
    zero_threshold: float = 0.0
    custom_bounds: tuple[float, ...] = ()
    negative: Mapping[int, float] = field(default_factory=dict)
    positive: Mapping[int, float] = field(default_factory=dict)
    hint: int = 0

    def plus(self, other: HistogramSpec) -> HistogramSpec:
        """With the buckets of both added up; they have one schema."""
        return replace(
            self,
            count=self.count + other.count,
            sum=self.sum + other.sum,
            zero_count=self.zero_count + other.zero_count,
            negative=_added(self.negative, other.negative),
            positive=_added(self.positive, other.positive),
        )

    def components(self) -> dict[str, float]:
        """Values by the text of the component."""
        scale = self.schema, self.custom_bounds
        found = {
            Component(*scale, Part.COUNT): self.count,
            Component(*scale, Part.SUM): self.sum,
            Component(*scale, Part.HINT): float(self.hint),
        }
        if self.schema != CUSTOM_SCHEMA:
            found[Component(*scale, Part.ZERO_COUNT)] = self.zero_count
            found[Component(*scale, Part.ZERO_THRESHOLD)] = self.zero_threshold
        found |= {Component(*scale, Part.NEGATIVE, bucket): count for bucket, count in self.negative.items()}
        found |= {Component(*scale, Part.POSITIVE, bucket): count for bucket, count in self.positive.items()}
        return {str(component): value for component, value in found.items()}

    def encoded(self, at_ms: int, *, as_integers: bool = False) -> bytes:
        """A prompb.Histogram; whole counts may be sent as integers, and buckets then as differences."""
        body = varint_field(1, int(self.count)) if as_integers else double_field(2, self.count)
        body += double_field(3, self.sum) + varint_field(4, zigzag(self.schema))
        body += double_field(5, self.zero_threshold)
        body += varint_field(6, int(self.zero_count)) if as_integers else double_field(7, self.zero_count)
        for number, buckets in ((8, self.negative), (11, self.positive)):
            body += _encoded_buckets(number, buckets, as_integers=as_integers)
        body += varint_field(14, self.hint) + varint_field(15, at_ms)
        return body + (_bytes_field(16, _doubles(self.custom_bounds)) if self.custom_bounds else b"")


def parse_histogram(text: str) -> HistogramSpec:
    """A text with or without its braces."""
    found = dict(_FIELD.findall(text.strip().removeprefix("{{").removesuffix("}}")))
    return HistogramSpec(
        schema=int(found.get("schema", "0")),
        count=float(found.get("count", "0")),
        sum=float(found.get("sum", "0")),
        zero_count=float(found.get("z_bucket", "0")),
        zero_threshold=float(found.get("z_bucket_w", "0")),
        custom_bounds=tuple(_numbers(found.get("custom_values", ""))),
        negative=_buckets(found.get("n_buckets", ""), int(found.get("n_offset", "0"))),
        positive=_buckets(found.get("buckets", ""), int(found.get("offset", "0"))),
        hint=_HINTS[found.get("counter_reset_hint", "unknown")],
    )


def histogram_request(
    series: Iterable[tuple[Mapping[str, str], Mapping[int, HistogramSpec]]],
    *,
    as_integers: bool = False,
    stale: bool = False,
) -> bytes:
    """The body of a remote write request with the samples of each series in time order, or with stale markers."""
    body = b""
    for labels, samples in series:
        pairs = b"".join(
            _bytes_field(1, _bytes_field(1, name.encode()) + _bytes_field(2, text.encode()))
            for name, text in sorted(labels.items())
        )
        messages = [samples[at_ms].encoded(at_ms, as_integers=as_integers) for at_ms in sorted(samples)]
        if stale:
            messages = [_bytes_stale_sum() + varint_field(15, at_ms) for at_ms in sorted(samples)]
        body += _bytes_field(1, pairs + b"".join(_bytes_field(4, message) for message in messages))
    return bytes(cramjam.snappy.compress_raw(body))


def _bytes_stale_sum() -> bytes:
    return varint(3 << 3 | 1) + struct.pack("<Q", int(STALE_BITS))


def _added(left: Mapping[int, float], right: Mapping[int, float]) -> dict[int, float]:
    return {bucket: left.get(bucket, 0.0) + right.get(bucket, 0.0) for bucket in sorted({*left, *right})}


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.strip("[]").split()]


def _buckets(text: str, offset: int) -> dict[int, float]:
    return {offset + position: count for position, count in enumerate(_numbers(text))}


def _encoded_buckets(number: int, buckets: Mapping[int, float], *, as_integers: bool) -> bytes:
    spans = b"".join(_bytes_field(number, span) for span in encoded_spans(sorted(buckets)))
    counts = [buckets[bucket] for bucket in sorted(buckets)]
    if not counts:
        return b""
    if not as_integers:
        return spans + _bytes_field(number + 2, _doubles(counts))
    differences = [int(after - before) for before, after in zip([0.0, *counts], counts, strict=False)]
    return spans + _bytes_field(number + 1, b"".join(varint(zigzag(each)) for each in differences))


def encoded_spans(indices: list[int]) -> Iterator[bytes]:
    """Runs of consecutive buckets; each says how far it is from the end of the one before it."""
    end, position = 0, 0
    while position < len(indices):
        length = 1
        while position + length < len(indices) and indices[position + length] == indices[position] + length:
            length += 1
        yield varint_field(1, zigzag(indices[position] - end)) + varint_field(2, length)
        end = indices[position] + length
        position += length


def _doubles(values: Iterable[float]) -> bytes:
    return b"".join(struct.pack("<d", value) for value in values)


def double_field(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def varint_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value & (2**64 - 1))


def _bytes_field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63)


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
