"""The queries that took long, as many of the last ones as the limit says."""

from __future__ import annotations

from collections import deque

from monitor.api.queries.query_record import QueryRecord


class SlowQueries:
    """Any thread may add and read."""

    def __init__(self, threshold_seconds: float, length_max: int) -> None:
        self.threshold_seconds = threshold_seconds
        self._records: deque[QueryRecord] = deque(maxlen=length_max)

    def add(self, record: QueryRecord) -> bool:
        """Keeps the record if it is of a slow query; whether it is."""
        is_slow = record.seconds >= self.threshold_seconds
        if is_slow:
            self._records.append(record)
        return is_slow

    def all(self) -> list[QueryRecord]:
        """The newest first."""
        return list(self._records)[::-1]
