"""Metric families in protobuf for tests: what a client library exposes, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from native_histograms import HistogramSpec, double_field, encoded_spans, varint, varint_field, zigzag

from monitor.model.protobuf_fields import bytes_field

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
_VALUE_FIELD = {GAUGE: 2, COUNTER: 3, SUMMARY: 4, UNTYPED: 5, HISTOGRAM: 7, GAUGE_HISTOGRAM: 7}


@dataclass(frozen=True, slots=True)
class Metric:
    """`value` is the encoded message of its kind: see `number`, `summary`, `histogram`."""

    value: bytes
    labels: Mapping[str, str] = field(default_factory=dict)
    timestamp_ms: int = 0


def body(*families: bytes) -> bytes:
    return b"".join(varint(len(family)) + family for family in families)


def family(name: str, kind: int, *metrics: Metric, help_text: str = "", unit: str = "") -> bytes:
    head = bytes_field(1, name.encode()) + bytes_field(2, help_text.encode()) + varint_field(3, kind)
    rest = b"".join(bytes_field(4, _metric(metric, kind)) for metric in metrics)
    return head + rest + (bytes_field(5, unit.encode()) if unit else b"")


def number(value: float, *, exemplar: bool = False) -> bytes:
    """A Counter, Gauge or Untyped."""
    message = double_field(1, value)
    if exemplar:
        message += bytes_field(2, bytes_field(1, label("trace", "1")) + double_field(2, value)) + created()
    return message


def summary(count: int, total: float, quantiles: Mapping[float, float]) -> bytes:
    inner = [bytes_field(3, double_field(1, rank) + double_field(2, value)) for rank, value in quantiles.items()]
    return varint_field(1, count) + double_field(2, total) + b"".join(inner)


def classic(count: float, total: float, buckets: Mapping[float, float], *, as_integers: bool = True) -> bytes:
    head = varint_field(1, int(count)) if as_integers else double_field(4, count)
    inner = [
        (varint_field(1, int(each)) if as_integers else double_field(4, each)) + double_field(2, bound)
        for bound, each in buckets.items()
    ]
    return head + double_field(2, total) + b"".join(bytes_field(3, bucket) for bucket in inner)


def native(spec: HistogramSpec, *, as_integers: bool = True, packed: bool = False) -> bytes:
    """The fields of a native histogram; they may follow those of a classic one."""
    message = varint_field(1, int(spec.count)) if as_integers else double_field(4, spec.count)
    message += double_field(2, spec.sum) + varint_field(5, zigzag(spec.schema)) + double_field(6, spec.zero_threshold)
    message += varint_field(7, int(spec.zero_count)) if as_integers else double_field(8, spec.zero_count)
    for first, buckets in ((9, spec.negative), (12, spec.positive)):
        message += _buckets(first, buckets, as_integers=as_integers, packed=packed)
    return message


def created() -> bytes:
    return bytes_field(15, varint_field(1, 1_700_000_000))


def label(name: str, text: str) -> bytes:
    return bytes_field(1, name.encode()) + bytes_field(2, text.encode())


def _metric(metric: Metric, kind: int) -> bytes:
    labels = b"".join(bytes_field(1, label(name, text)) for name, text in metric.labels.items())
    stamp = varint_field(6, metric.timestamp_ms) if metric.timestamp_ms else b""
    return labels + stamp + bytes_field(_VALUE_FIELD.get(kind, 2), metric.value)


def _buckets(first: int, buckets: Mapping[int, float], *, as_integers: bool, packed: bool) -> bytes:
    indices = sorted(buckets)
    counts = [buckets[index] for index in indices]
    spans = b"".join(bytes_field(first, span) for span in encoded_spans(indices)) or bytes_field(first, b"")
    if not as_integers:
        doubles = [struct.pack("<d", count) for count in counts]
        return spans + (bytes_field(first + 2, b"".join(doubles)) if packed else _repeated(first + 2, 1, doubles))
    deltas = [varint(zigzag(int(after - before))) for before, after in zip([0.0, *counts], counts, strict=False)]
    return spans + (bytes_field(first + 1, b"".join(deltas)) if packed else _repeated(first + 1, 0, deltas))


def _repeated(number_: int, wire_type: int, values: Iterable[bytes]) -> bytes:
    return b"".join(varint(number_ << 3 | wire_type) + value for value in values)
