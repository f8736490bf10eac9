"""All that the service remembers of queries: those under way, the slow ones, and the log."""

from __future__ import annotations

from collections.abc import Callable

from monitor.api.queries.query_log import QueryLog
from monitor.api.queries.query_record import QueryRecord
from monitor.api.queries.running_queries import RunningQueries, RunningQuery
from monitor.api.queries.slow_queries import SlowQueries
from monitor.clock import Clock
from monitor.config.settings import Limits
from monitor.errors import QueryError
from monitor.promql.results import QueryResult
from monitor.promql.watch import QueryWatch


class QueryRecords:
    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self.running = RunningQueries()
        self.slow = SlowQueries(limits.slow_query_ms / 1000, limits.slow_queries)
        self.log = QueryLog(limits.query_log_bytes)

    def new_watch(self, *, counts_samples: bool, traces: bool = False) -> QueryWatch:
        """For a query that wants this of itself; the log wants the samples counted too."""
        seconds = self._clock.monotonic_seconds if traces else None
        return QueryWatch(counts_samples=counts_samples or self.log.is_open, seconds=seconds)

    def evaluated(
        self, query: RunningQuery, watch: QueryWatch, evaluate: Callable[[], QueryResult]
    ) -> tuple[QueryResult, QueryRecord]:
        """The result of `evaluate` and the query's record, which is also kept if the query fails. For any thread."""
        queue_seconds = query.guard.elapsed_seconds()
        query.watch, query.is_evaluated = watch, True
        try:
            result = evaluate()
        except QueryError as error:
            self._keep(self._record(query, queue_seconds, error=str(error)))
            raise
        record = self._record(query, queue_seconds, result=result)
        self._keep(record)
        return result, record

    def _record(
        self, query: RunningQuery, queue_seconds: float, *, result: QueryResult | None = None, error: str | None = None
    ) -> QueryRecord:
        return QueryRecord(
            asked=query.asked,
            ended_ms=self._clock.now_ms(),
            seconds=query.guard.elapsed_seconds(),
            queue_seconds=queue_seconds,
            error=error,
            statistics=None if result is None else result.statistics,
            loaded_samples=query.watch.samples,
        )

    def _keep(self, record: QueryRecord) -> None:
        self.slow.add(record)
        if self.log.is_open:
            self.log.write(record)
