"""The queries under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from monitor.api.queries.asked_query import AskedQuery
from monitor.api.query_guard import QueryGuard
from monitor.promql.watch import QueryWatch


@dataclass(slots=True)
class RunningQuery:
    """`is_evaluated` turns True once the query has a place; before it waits.

    Known at its end: `cost`, the samples it loaded and at most the points of its answer, and its `seconds`, waiting not
    counted.
    """

    query_id: int
    asked: AskedQuery
    since_ms: int
    guard: QueryGuard
    watch: QueryWatch = field(default_factory=QueryWatch)
    is_evaluated: bool = False
    cost: int = 0
    seconds: float = 0.0


class RunningQueries:
    """Belongs to the event loop's thread; what is in it is also read and changed by the queries' threads."""

    def __init__(self) -> None:
        self._last_id = 0
        self._by_id: dict[int, RunningQuery] = {}

    @contextmanager
    def entered(self, asked: AskedQuery, since_ms: int, guard: QueryGuard) -> Iterator[RunningQuery]:
        """The query is listed for the time of the block."""
        self._last_id += 1
        query = RunningQuery(self._last_id, asked, since_ms, guard)
        self._by_id[query.query_id] = query
        try:
            yield query
        finally:
            del self._by_id[query.query_id]

    def all(self) -> list[RunningQuery]:
        """The oldest first."""
        return list(self._by_id.values())

    def cancel(self, query_id: int) -> bool:
        """Ends a query soon; False if there is none with this id."""
        query = self._by_id.get(query_id)
        if query is not None:
            query.guard.cancel("on request")
        return query is not None
