"""Which queries run, and which took long."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces, json_answer, takes_gzip
from monitor.api.context import ApiContext
from monitor.api.endpoint import DELETE, Endpoint, Parameter
from monitor.api.errors import error_answer
from monitor.api.queries.asked_query import AskedQuery
from monitor.api.queries.query_record import QueryRecord, statistics_json
from monitor.api.queries.running_queries import RunningQuery
from monitor.errors import NotFound
from monitor.model.durations import rfc3339
from monitor.promql.syntax.go_text import with_replacement

Json = dict[str, Any]

_PREFIX = "/api/v1/status"


class QueryStatusRoutes:
    """Handlers that answer from memory on the event loop: they must work while all query places are taken."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        query_id = Parameter("id", "`id` of an active query.", in_path=True, example="17")
        return (
            Endpoint(
                f"{_PREFIX}/active_queries",
                self.active,
                "Queries under way",
                "The oldest first: `id`, `query`, `client`, `since`, `seconds`, `state` and the samples loaded so far.",
                tag="status",
            ),
            Endpoint(
                f"{_PREFIX}/active_queries/{{id}}",
                self.cancel,
                "End a query",
                "It ends within some milliseconds, and its client gets an error of the type `canceled`."
                " Off unless the server was started with --enable-admin-api.",
                tag="status",
                methods=DELETE,
                parameters=(query_id,),
            ),
            Endpoint(
                f"{_PREFIX}/slow_queries",
                self.slow,
                "The last queries that took longer than the setting slow_query",
                "The newest first. The setting slow_queries bounds the list; it begins anew at a restart.",
                tag="status",
            ),
        )

    async def active(self, request: Request) -> Answer:
        queries = self._context.records.running.all()
        return _answer(request, {"queries": [_running_json(query) for query in queries]})

    async def cancel(self, request: Request) -> Answer:
        history = self._context.history
        if history is None or not history.is_admin_enabled:
            return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "admin APIs disabled")
        query_id = str(request.path_params["id"])
        is_number = query_id.isascii() and query_id.isdigit() and len(query_id) < 20
        if not is_number or not self._context.records.running.cancel(int(query_id)):
            raise NotFound(f"there is no active query {query_id}")
        return _answer(request, {"id": query_id})

    async def slow(self, request: Request) -> Answer:
        slow = self._context.records.slow
        records = [_slow_json(record) for record in slow.all()]
        return _answer(request, {"thresholdSeconds": slow.threshold_seconds, "queries": records})


def _answer(request: Request, data: Json) -> Answer:
    return json_answer(data_pieces(data), gzip=takes_gzip(request))


def _running_json(query: RunningQuery) -> Json:
    return {
        "id": str(query.query_id),
        **_asked_json(query.asked),
        "since": rfc3339(query.since_ms),
        "seconds": round(query.guard.elapsed_seconds(), 6),
        "state": "running" if query.is_evaluated else "waiting",
        "samples": query.watch.samples,
    }


def _slow_json(record: QueryRecord) -> Json:
    return {
        **_asked_json(record.asked),
        "ended": rfc3339(record.ended_ms),
        "seconds": round(record.seconds, 6),
        "error": None if record.error is None else with_replacement(record.error),
        "series": record.statistics.series if record.statistics else 0,
        "stats": statistics_json(record),
    }


def _asked_json(asked: AskedQuery) -> Json:
    """Times in seconds, as the API takes them; `step` 0 is an instant query."""
    return {
        "query": with_replacement(asked.expression),
        "client": with_replacement(asked.client),
        "path": asked.path,
        "start": asked.start_ms / 1000,
        "end": asked.end_ms / 1000,
        "step": asked.step_ms / 1000,
    }
