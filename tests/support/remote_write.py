"""Prometheus remote write 1.0: a WriteRequest in protobuf, compressed with snappy."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

import cramjam
from native_histograms import varint

Samples = Mapping[int, float]
"""Values by timestamp in milliseconds."""


def write_request(series: Iterable[tuple[Mapping[str, str], Samples]]) -> bytes:
    """The body of a request that writes `series`; the samples of one are sent in time order."""
    body = b"".join(_field(1, _time_series(labels, samples)) for labels, samples in series)
    return bytes(cramjam.snappy.compress_raw(body))


def _time_series(labels: Mapping[str, str], samples: Samples) -> bytes:
    pairs = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, text.encode())) for name, text in sorted(labels.items())
    )
    return pairs + b"".join(_field(2, _sample(at, value)) for at, value in sorted(samples.items()))


def _sample(timestamp_ms: int, value: float) -> bytes:
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp_ms & (2**64 - 1))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content
