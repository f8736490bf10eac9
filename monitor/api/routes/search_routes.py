"""Finding a metric by what one remembers of its name."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.parameters import read_parameters
from monitor.api.query_guard import QueryGuard
from monitor.api.reading import answer_in_thread
from monitor.api.search.describe_metrics import describe_metrics
from monitor.api.search.rank_names import rank_names
from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS
from monitor.model.labels import METRIC_NAME
from monitor.promql.syntax.go_text import with_replacement
from monitor.scrape.exposition.parse_exposition import FamilyMetadata

Json = dict[str, Any]

LIMIT, LIMIT_MAX = 50, 10_000
_TYPED_CHARACTERS_MAX = 200


class SearchRoutes:
    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "/api/v1/search/metrics",
                self.metrics,
                "Metrics whose names fit what was typed, best first",
                "A name fits if it holds the letters of `q` in their order; begun words count most. Each result has"
                " type, unit and help as targets tell them, and its series in the head (or in the newest block).",
                tag="series",
                parameters=(
                    Parameter(
                        "q", "What is remembered of the name; words are looked for one by one.", example="httpreq"
                    ),
                    Parameter("limit", f"Most results, at most {LIMIT_MAX}.", schema="integer", example=str(LIMIT)),
                    Parameter("start", "Only metrics with samples at or after: RFC3339 or Unix seconds."),
                    Parameter("end", "Only metrics with samples at or before: RFC3339 or Unix seconds."),
                ),
            ),
        )

    async def metrics(self, request: Request) -> Answer:
        context = self._context
        parameters = await read_parameters(request, context.limits)
        typed = parameters.text("q")[:_TYPED_CHARACTERS_MAX]
        limit = min(parameters.limit() or LIMIT, LIMIT_MAX)
        start_ms, end_ms = parameters.time_ms_or("start", TIME_MIN_MS), parameters.time_ms_or("end", TIME_MAX_MS)
        jobs = context.targets()

        def work(guard: QueryGuard) -> list[bytes]:
            with context.store.reader() as reader:
                names = reader.label_values(METRIC_NAME, (), start_ms, end_ms)
                guard.check()
                found = rank_names(names, typed, limit)
                counts = reader.series_counts(found)
            described = describe_metrics(jobs, found)
            rows = [_row(name, count, described.get(name)) for name, count in zip(found, counts, strict=True)]
            return data_pieces(rows)

        return await answer_in_thread(context, request, work)


def _row(name: str, series: int, entry: FamilyMetadata | None) -> Json:
    return {
        "name": with_replacement(name),
        "type": entry.type.value if entry else "unknown",
        "unit": with_replacement(entry.unit) if entry else "",
        "help": with_replacement(entry.help) if entry else "",
        "series": series,
    }
