"""A histogram of durations that is kept in whole nanoseconds, so that its sum is exact however many are added."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

NANOSECONDS_PER_SECOND = 1_000_000_000


class BucketBounds:
    """Upper bounds, inclusive, of B buckets; one more bucket, the last, takes what is longer."""

    def __init__(self, seconds: Sequence[float]) -> None:
        """`seconds` ascend."""
        self._nanoseconds = [round(bound * NANOSECONDS_PER_SECOND) for bound in seconds]
        self.texts = (*map(str, seconds), "+Inf")

    def __len__(self) -> int:
        """B + 1."""
        return len(self.texts)

    def index_of(self, nanoseconds: int) -> int:
        """The bucket of a duration, 0 to B."""
        return bisect_left(self._nanoseconds, nanoseconds)


class DurationHistogram:
    """Counts by bucket, and the sum. Its owner adds to it from one thread at a time."""

    __slots__ = ("counts", "sum_ns")

    def __init__(self, bounds: BucketBounds) -> None:
        self.counts = [0] * len(bounds)
        self.sum_ns = 0

    def observe(self, bounds: BucketBounds, nanoseconds: int) -> None:
        self.counts[bounds.index_of(nanoseconds)] += 1
        self.sum_ns += nanoseconds

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def sum_seconds(self) -> float:
        return self.sum_ns / NANOSECONDS_PER_SECOND


def cumulated(texts: Sequence[str], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Counts per bucket as (upper bound, count up to it), the form HistogramMetricFamily takes. Equal lengths."""
    total, buckets = 0, []
    for text, count in zip(texts, counts, strict=True):
        total += count
        buckets.append((text, float(total)))
    return buckets
