"""How many series came new in the last hour, and of which metrics."""

from __future__ import annotations

from collections import Counter, deque

from monitor.model.label_frame import LabelColumn

BUCKET_MS = 300_000
BUCKETS = 12
NAMES_MAX = 10_000
"""Metric names counted in one bucket of five minutes; series of others count in the sum only."""


class Churn:
    """Counts in buckets of five minutes. The head's lock guards it."""

    def __init__(self) -> None:
        self.created = 0
        """Series registered since the start."""
        self._buckets: deque[tuple[int, int, Counter[str]]] = deque(maxlen=BUCKETS)

    def note(self, now_ms: int, metric: LabelColumn) -> None:
        """New series with these metric names (S,)."""
        size = len(metric.codes)
        self.created += size
        bucket = now_ms // BUCKET_MS
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, 0, Counter()))
        number, total, counts = self._buckets[-1]
        self._buckets[-1] = (number, total + size, counts)
        for code, count in Counter(metric.codes.tolist()).items():
            name = metric.values[code]
            if name in counts or len(counts) < NAMES_MAX:
                counts[name] += count

    def last_hour(self, now_ms: int) -> tuple[int, Counter[str]]:
        """(series, series by metric name), to a bucket's precision."""
        recent = [each for each in self._buckets if each[0] > now_ms // BUCKET_MS - BUCKETS]
        by_metric: Counter[str] = Counter()
        for _, _, counts in recent:
            by_metric.update(counts)
        return sum(total for _, total, _ in recent), by_metric
