"""Which series there are: label names, label values, series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from monitor.api.answers import Answer, closing_piece, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET_AND_POST, Endpoint, Parameter
from monitor.api.parameters import (
    Parameters,
    named_matcher_sets,
    read_parameters,
)
from monitor.api.queries.query_pieces import TRUNCATED
from monitor.api.query_guard import QueryGuard
from monitor.api.reading import answer_in_thread
from monitor.api.shapes.label_escaping import unescape_name
from monitor.api.shapes.result_json import metric_texts
from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS
from monitor.errors import BadRequest, LimitExceeded
from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.matcher_sets import parse_matcher_sets
from monitor.storage.interfaces import Selector

_PIECE_SERIES = 4_096
_FILTERS = (
    Parameter("start", "Only series with samples at or after: RFC3339 or Unix seconds."),
    Parameter("end", "Only series with samples at or before: RFC3339 or Unix seconds."),
    Parameter("limit", "Most items in the answer; 0 is no limit.", schema="integer", example="1000"),
)
_MATCH = Parameter("match[]", "A series selector; several add up.", is_repeated=True, example='{job="api"}')


@dataclass(frozen=True, slots=True)
class SeriesQuestion:
    """Which series are asked for; `limit` 0 is none."""

    selectors: Sequence[Selector]
    start_ms: int
    end_ms: int
    limit: int


class SeriesRoutes:
    """Handlers of everything that takes `match[]`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        name = Parameter("name", "Label name, plain or escaped as `U__a_2e_b`.", in_path=True, example="job")
        return (
            Endpoint(
                "/api/v1/labels",
                self.label_names,
                "Names of labels",
                tag="series",
                methods=GET_AND_POST,
                parameters=(_MATCH, *_FILTERS),
            ),
            Endpoint(
                "/api/v1/label/{name}/values",
                self.label_values,
                "Values of a label",
                tag="series",
                parameters=(name, _MATCH, *_FILTERS),
            ),
            Endpoint(
                "/api/v1/series",
                self.series,
                "Label sets of series",
                tag="series",
                methods=GET_AND_POST,
                parameters=(Parameter("match[]", _MATCH.description, is_required=True, is_repeated=True), *_FILTERS),
            ),
        )

    async def label_names(self, request: Request) -> Answer:
        question = self._question(await self._parameters(request))

        def work(_guard: QueryGuard) -> list[bytes]:
            with self._context.store.reader() as reader:
                names = reader.label_names(question.selectors, question.start_ms, question.end_ms)
            return _texts_body(names, question.limit)

        return await answer_in_thread(self._context, request, work)

    async def label_values(self, request: Request) -> Answer:
        name = unescape_name(_name_in_path(request))
        if not name:
            raise BadRequest('invalid label name: ""')
        question = self._question(await self._parameters(request))

        def work(_guard: QueryGuard) -> list[bytes]:
            with self._context.store.reader() as reader:
                values = reader.label_values(name, question.selectors, question.start_ms, question.end_ms)
            self._check_found(len(values))
            return _texts_body(values, question.limit)

        return await answer_in_thread(self._context, request, work)

    async def series(self, request: Request) -> Answer:
        parameters = await self._parameters(request)
        texts = parameters.texts("match[]")
        if not texts:
            raise BadRequest("no match[] parameter provided")
        limit, start_ms, end_ms = _limit_and_times(parameters)
        selectors = named_matcher_sets("match[]", texts, self._context.engine.features)
        question = SeriesQuestion(selectors, start_ms, end_ms, limit)

        def work(guard: QueryGuard) -> list[bytes]:
            return self._series_body(question, guard)

        return await answer_in_thread(self._context, request, work)

    async def _parameters(self, request: Request) -> Parameters:
        return await read_parameters(request, self._context.limits)

    def _question(self, parameters: Parameters) -> SeriesQuestion:
        limit, start_ms, end_ms = _limit_and_times(parameters)
        selectors = parse_matcher_sets(parameters.texts("match[]"), self._context.engine.features)
        return SeriesQuestion(selectors, start_ms, end_ms, limit)

    def _series_body(self, question: SeriesQuestion, guard: QueryGuard) -> list[bytes]:
        with self._context.store.reader() as reader:
            labels = reader.series(question.selectors, question.start_ms, question.end_ms)
        order = labels.order()
        is_truncated = 0 < question.limit < len(order)
        if is_truncated:
            order = order[: question.limit]
        self._check_found(len(order))
        pieces = [b'{"status":"success","data":[']
        for first in range(0, len(order), _PIECE_SERIES):
            guard.check()
            metrics = metric_texts(labels.take(order[first : first + _PIECE_SERIES]))
            pieces.append((b"," if first else b"") + b",".join(metrics))
        return [*pieces, b"]" + closing_piece((TRUNCATED,) if is_truncated else ())]

    def _check_found(self, found: int) -> None:
        most = self._context.limits.found_series
        if found > most:
            raise LimitExceeded(f"found {found} series, want at most {most} (found_series); use match[] or limit")


def _limit_and_times(parameters: Parameters) -> tuple[int, int, int]:
    limit = parameters.limit()
    return limit, parameters.time_ms_or("start", TIME_MIN_MS), parameters.time_ms_or("end", TIME_MAX_MS)


def _texts_body(texts: list[str], limit: int) -> list[bytes]:
    if 0 < limit < len(texts):
        return data_pieces(texts[:limit], (TRUNCATED,))
    return data_pieces(texts)


def _name_in_path(request: Request) -> str:
    """Raises BadRequest on what is not UTF-8, which the server has replaced in the decoded path."""
    raw = unquote_to_bytes(request.scope["raw_path"].split(b"?")[0].split(b"/")[-2])
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"invalid label name: {quote_text(raw.decode(errors='surrogateescape'))}") from None
