"""The buckets of a native histogram as protobuf messages write them, in remote write and in what targets expose.

    BucketSpan  1: offset (zigzag)   2: length

A span is a run of buckets, its offset the gap to the end of the one before it. Integer histograms give the count of
the first bucket and then differences, float histograms the counts themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate

from monitor.model.protobuf_fields import fields, read_doubles, read_varint, read_varints, zigzag, zigzag_varint

BUCKETS_MAX = 10_000
_TAGGED_VARINT = re.compile(rb".([\x80-\xff]*+[\x00-\x7f])", re.DOTALL)


@dataclass(slots=True)
class SpannedBuckets:
    """The buckets of one sign, collected field by field. All methods raise ValueError on what makes no sense."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    deltas: list[int] = field(default_factory=list)
    float_counts: list[float] = field(default_factory=list)

    def add_span(self, message: bytes, start: int, end: int) -> None:
        """A BucketSpan."""
        offset = length = 0
        for number, first, _ in fields(message, start, end):
            value, _ = read_varint(message, first)
            if number == 1:
                offset = zigzag(value)
            elif number == 2:
                length = value
        self.spans.append((offset, length))

    def add_deltas(self, message: bytes, start: int, end: int) -> None:
        """Packed, or a single one."""
        self.deltas += map(zigzag, read_varints(message, start, end))

    def add_delta_run(self, run: bytes) -> None:
        """Single ones, each behind its tag of one byte."""
        self.deltas += map(zigzag_varint, _TAGGED_VARINT.findall(run))

    def add_float_counts(self, message: bytes, start: int, end: int) -> None:
        """Packed, or a single one."""
        self.float_counts += read_doubles(message, start, end)

    def counts(self) -> list[float]:
        """What is in each bucket: as float counts if there are any, and as differences otherwise."""
        return self.float_counts or list(map(float, accumulate(self.deltas)))

    def indices(self, wanted: int) -> list[int]:
        """The index of each bucket, `wanted` in all."""
        lengths = sum(length for _, length in self.spans)
        if lengths != wanted:
            raise ValueError(f"got {wanted} buckets, want {lengths} as the spans say")
        if lengths > BUCKETS_MAX:
            raise ValueError(f"got {lengths} buckets, want at most {BUCKETS_MAX}")
        if any(offset < 0 for offset, _ in self.spans[1:]):
            raise ValueError("got a span that begins before the end of the one before it")
        indices: list[int] = []
        position = 0
        for offset, length in self.spans:
            indices += range(position + offset, position + offset + length)
            position += offset + length
        return indices

    def by_index(self) -> dict[int, float]:
        """The counts by bucket index, ascending."""
        counts = self.counts()
        return dict(zip(self.indices(len(counts)), counts, strict=True))
