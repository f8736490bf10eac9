"""A fleet's history as remote-write bodies in files, in the order of time, made before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cramjam
import numpy as np
from comparison.fleet_history import FleetShape, InstanceHistory, instance_history
from numpy.typing import NDArray

# A Sample of the protocol: field 2 of its TimeSeries, value as field 1, time as field 2. Times from 2004 to 2109 are
# varints of six bytes.
_SAMPLE = np.dtype(
    [("tag", "u1"), ("size", "u1"), ("value_tag", "u1"), ("value", "<f8"), ("time_tag", "u1"), ("time", "u1", (6,))]
)
_TIME_MIN_MS, _TIME_MAX_MS = 2**35, 2**42


@dataclass(frozen=True, slots=True)
class RequestSize:
    """Whole instances, so many that about `series` are in a request; `steps` samples of each."""

    series: int = 1_000
    steps: int = 20


HISTORY_REQUEST = RequestSize()
AGENT_REQUEST = RequestSize(series=5_000, steps=1)
"""What an agent sends while it scrapes; several samples of a series are sent together after it was cut off."""


@dataclass(frozen=True, slots=True)
class WrittenHistory:
    """Bodies of one history. `end` in seconds since 1970 is not before any sample."""

    bodies: tuple[Path, ...]
    shape: FleetShape
    samples: int
    start: int
    end: int

    @property
    def series(self) -> int:
        return self.shape.instances * self.shape.series


def write_history(
    folder: Path,
    shape: FleetShape,
    hours: float,
    step_seconds: int,
    end: int,
    request: RequestSize = HISTORY_REQUEST,
) -> WrittenHistory:
    """Files in `folder`. Each instance has its own offset inside of `step_seconds`, as scrapes have."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = int(hours * 3600 / step_seconds)
    times_ms = (end - np.arange(steps, dtype=np.int64)[::-1] * step_seconds) * 1000
    fleet = [_instance(shape, number, times_ms, step_seconds) for number in range(shape.instances)]
    paths, samples = [], 0
    for number, (body, body_samples) in enumerate(_requests(fleet, steps, request)):
        path = folder / f"{number:06d}.snappy"
        path.write_bytes(body)
        paths.append(path)
        samples += body_samples
    return WrittenHistory(tuple(paths), shape, samples, int(times_ms[0]) // 1000 - step_seconds, end)


def encode_labels(labels: dict[str, str]) -> bytes:
    return b"".join(_field(1, _field(1, name.encode()) + _field(2, labels[name].encode())) for name in sorted(labels))


def encode_samples(times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """Samples (N,) as the fields of a TimeSeries."""
    assert len(times_ms) == 0 or _TIME_MIN_MS <= times_ms.min() <= times_ms.max() < _TIME_MAX_MS, "BUG: got another age"
    samples = np.empty(len(times_ms), _SAMPLE)
    samples["tag"], samples["size"] = 0x12, _SAMPLE.itemsize - 2
    samples["value_tag"], samples["value"] = 0x09, values
    samples["time_tag"] = 0x10
    groups = times_ms[:, None] >> (7 * np.arange(6)) & 0x7F
    samples["time"] = groups | np.array([0x80] * 5 + [0])
    return samples.tobytes()


def _instance(
    shape: FleetShape, instance: int, times_ms: NDArray[np.int64], step_seconds: int
) -> tuple[list[bytes], InstanceHistory]:
    """Encoded labels and the values of one instance."""
    offset_ms = instance * 6_151 % (step_seconds * 1000)
    history = instance_history(shape, instance, times_ms - offset_ms, step_seconds)
    return [encode_labels(labels) for labels in history.labels], history


def _requests(
    fleet: list[tuple[list[bytes], InstanceHistory]], steps: int, request: RequestSize
) -> Iterator[tuple[bytes, int]]:
    """Bodies and how many samples are in each."""
    group = max(1, request.series // len(fleet[0][0]))
    for start in range(0, steps, request.steps):
        window = slice(start, start + request.steps)
        for first in range(0, len(fleet), group):
            encoded = [_time_series(labels, history, window) for labels, history in fleet[first : first + group]]
            body = bytes(cramjam.snappy.compress_raw(b"".join(part for part, _ in encoded)))
            yield body, sum(samples for _, samples in encoded)


def _time_series(labels: list[bytes], history: InstanceHistory, window: slice) -> tuple[bytes, int]:
    values = history.values[:, window]
    is_there = ~np.isnan(values)
    # Of all series at once: a call for each of them would take longer than what is measured.
    encoded = encode_samples(np.broadcast_to(history.times_ms[window], values.shape)[is_there], values[is_there])
    bounds = [0, *(np.cumsum(is_there.sum(axis=1)) * _SAMPLE.itemsize).tolist()]
    parts = [
        _field(1, of_series + encoded[first:end])
        for of_series, (first, end) in zip(labels, pairwise(bounds), strict=True)
        if end > first
    ]
    return b"".join(parts), int(is_there.sum())


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a message."""
    size, varint = len(content), bytearray()
    while size > 0x7F:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *varint, size]) + content
