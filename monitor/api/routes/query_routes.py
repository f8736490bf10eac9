"""Instant and range queries, exemplars, and what parses an expression without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from starlette.requests import Request

from monitor.api.answers import Answer, closing_piece, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET_AND_POST, Endpoint, Parameter
from monitor.api.parameters import Parameters, invalid_parameter, read_parameters
from monitor.api.query_guard import QueryGuard
from monitor.api.reading import answer_in_thread, query_guard
from monitor.api.shapes.result_json import result_pieces
from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS, parse_duration_ns
from monitor.errors import BadRequest, ParseError
from monitor.model.frame import Frame
from monitor.promql.plan import Plan
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import QueryResult
from monitor.promql.syntax.nodes import ValueType
from monitor.promql.syntax.printing import prettify
from monitor.promql.syntax.tree_json import expression_json
from monitor.promql.syntax.type_check import value_type

TRUNCATED = "results truncated due to limit"
_NS_PER_MS = 1_000_000
_RANGE_TYPES = {ValueType.MATRIX: "range vector", ValueType.STRING: "string"}

_QUERY = Parameter("query", "PromQL expression.", is_required=True, example="up")
_TIME_FORMS = "RFC3339 or Unix seconds, with a fraction if wanted"
_COMMON = (
    Parameter("timeout", "Evaluation timeout, such as `30s` or `2.5`; at most the server's own.", example="30s"),
    Parameter("limit", "Most series in the answer; 0 is no limit.", schema="integer"),
    Parameter("lookback_delta", "How long the last sample of a series counts as its current value.", example="5m"),
    Parameter("stats", "If not empty, the answer holds statistics of the query."),
)


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """`limit` 0 is none; `lookback_ms` None the engine's own."""

    expression: str
    limit: int
    lookback_ms: int | None
    with_statistics: bool


@dataclass(frozen=True, slots=True)
class RangeTimes:
    start_ms: int
    end_ms: int
    step_ms: int


class QueryRoutes:
    """Handlers of everything that takes `query`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        time = Parameter("time", f"Evaluation time: {_TIME_FORMS}. Default: now.")
        start = Parameter("start", f"First step: {_TIME_FORMS}.", is_required=True)
        end = Parameter("end", f"Last step, inclusive: {_TIME_FORMS}.", is_required=True)
        step = Parameter("step", "Time between steps: a duration or seconds.", is_required=True, example="15s")
        return (
            Endpoint(
                "/api/v1/query",
                self.instant,
                "Evaluate an expression at one instant",
                methods=GET_AND_POST,
                parameters=(_QUERY, time, *_COMMON),
            ),
            Endpoint(
                "/api/v1/query_range",
                self.range,
                "Evaluate an expression over a range of time",
                methods=GET_AND_POST,
                parameters=(_QUERY, start, end, step, *_COMMON),
            ),
            Endpoint(
                "/api/v1/query_exemplars",
                self.exemplars,
                "Exemplars of the series in an expression",
                "Exemplars are not kept: the answer is an empty list if the parameters are right.",
                methods=GET_AND_POST,
                parameters=(_QUERY, replace(start, is_required=False), replace(end, is_required=False)),
            ),
            Endpoint(
                "/api/v1/format_query",
                self.format,
                "Lay out an expression",
                methods=GET_AND_POST,
                parameters=(_QUERY,),
            ),
            Endpoint(
                "/api/v1/parse_query",
                self.parse,
                "The syntax tree of an expression",
                methods=GET_AND_POST,
                parameters=(_QUERY,),
            ),
        )

    async def instant(self, request: Request) -> Answer:
        context = self._context
        parameters = await read_parameters(request, context.limits)
        limit = parameters.limit()
        at_ms = parameters.time_ms_or("time", context.clock.now_ms())
        guard = query_guard(context, _timeout_seconds(parameters))
        options = _options(parameters, limit)

        def work(guard: QueryGuard) -> Iterator[bytes]:
            plan = self._plan(options.expression)
            with context.store.reader() as reader:
                result = context.engine.instant(plan, at_ms, reader, lookback_ms=options.lookback_ms, guard=guard)
            return self._body(result, options, guard)

        return await answer_in_thread(context, request, work, guard)

    async def range(self, request: Request) -> Answer:
        context = self._context
        parameters = await read_parameters(request, context.limits)
        limit = parameters.limit()
        times = self._range_times(parameters)
        guard = query_guard(context, _timeout_seconds(parameters))
        options = _options(parameters, limit)

        def work(guard: QueryGuard) -> Iterator[bytes]:
            plan = self._plan(options.expression)
            refused = _RANGE_TYPES.get(value_type(plan.expression))
            if refused:
                reason = f'invalid expression type "{refused}" for range query, must be Scalar or instant Vector'
                raise invalid_parameter("query", reason)
            start_ms, end_ms, step_ms = times.start_ms, times.end_ms, times.step_ms
            lookback_ms = options.lookback_ms
            with context.store.reader() as reader:
                result = context.engine.range(
                    plan, start_ms, end_ms, step_ms, reader, lookback_ms=lookback_ms, guard=guard
                )
            return self._body(result, options, guard)

        return await answer_in_thread(context, request, work, guard)

    async def exemplars(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)
        start_ms, end_ms = parameters.time_ms_or("start", TIME_MIN_MS), parameters.time_ms_or("end", TIME_MAX_MS)
        if end_ms < start_ms:
            raise BadRequest("end timestamp must not be before start timestamp")

        def work(_guard: QueryGuard) -> list[bytes]:
            self._context.engine.plan(parameters.text("query"))
            return data_pieces([])

        return await answer_in_thread(self._context, request, work)

    async def format(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)

        def work(_guard: QueryGuard) -> list[bytes]:
            return data_pieces(prettify(self._plan(parameters.text("query")).expression))

        return await answer_in_thread(self._context, request, work)

    async def parse(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)

        def work(_guard: QueryGuard) -> list[bytes]:
            return data_pieces(expression_json(self._plan(parameters.text("query")).expression))

        return await answer_in_thread(self._context, request, work)

    def _plan(self, expression: str) -> Plan:
        try:
            return self._context.engine.plan(expression)
        except ParseError as error:
            raise invalid_parameter("query", str(error)) from None

    def _range_times(self, parameters: Parameters) -> RangeTimes:
        start_ms, end_ms = parameters.time_ms("start"), parameters.time_ms("end")
        if end_ms < start_ms:
            raise invalid_parameter("end", "end timestamp must not be before start time")
        step_ns = parameters.duration_ns("step")
        if step_ns <= 0:
            reason = "zero or negative query resolution step widths are not accepted. Try a positive integer"
            raise invalid_parameter("step", reason)
        steps_max = self._context.limits.query_steps
        if (end_ms - start_ms) * _NS_PER_MS // step_ns > steps_max:
            raise BadRequest(
                f"exceeded maximum resolution of {steps_max:,} points per timeseries."
                " Try decreasing the query resolution (?step=XX)"
            )
        return RangeTimes(start_ms, end_ms, max(1, step_ns // _NS_PER_MS))

    def _body(self, result: QueryResult, options: QueryOptions, guard: QueryGuard) -> Iterator[bytes]:
        self._context.metrics.query_samples.inc(result.statistics.samples)
        shown, is_truncated = _truncated(result, options.limit)
        yield b'{"status":"success","data":{"resultType":"%b","result":' % shown.type.value.encode()
        yield from result_pieces(shown, guard)
        if options.with_statistics:
            yield b',"stats":' + orjson.dumps(_statistics(result, guard))
        warnings = (*shown.warnings, TRUNCATED) if is_truncated else shown.warnings
        yield b"}" + closing_piece(warnings, shown.infos)


def _options(parameters: Parameters, limit: int) -> QueryOptions:
    lookback_ms = None
    text = parameters.text("lookback_delta")
    if text:
        try:
            lookback_ms = parse_duration_ns(text) // _NS_PER_MS
        except ValueError as error:
            raise BadRequest(f"error parsing lookback delta duration: {error}") from None
    return QueryOptions(
        expression=parameters.text("query"),
        limit=limit,
        lookback_ms=lookback_ms if lookback_ms is not None and lookback_ms > 0 else None,
        with_statistics=bool(parameters.text("stats")),
    )


def _timeout_seconds(parameters: Parameters) -> float | None:
    return parameters.duration_ns("timeout") / 1e9 if parameters.text("timeout") else None


def _truncated(result: QueryResult, limit: int) -> tuple[QueryResult, bool]:
    """With at most `limit` series, if that is not 0; and whether some were left out."""
    value = result.value
    if isinstance(value, Frame) and 0 < limit < value.series:
        return replace(result, value=value.take(np.arange(limit))), True
    if isinstance(value, SampleRuns) and 0 < limit < value.labels.size:
        end = int(value.starts[limit])
        labels, starts = value.labels.take(np.arange(limit)), value.starts[: limit + 1]
        return replace(result, value=SampleRuns(labels, starts, value.timestamps_ms[:end], value.values[:end])), True
    return result, False


def _statistics(result: QueryResult, guard: QueryGuard) -> dict[str, Any]:
    """In upstream's shape. All samples of a query are in memory at once, so the peak is what was loaded."""
    statistics = result.statistics
    evaluation, sort = statistics.seconds.get("evaluation", 0.0), statistics.seconds.get("result_sort", 0.0)
    timings = {
        "evalTotalTime": evaluation + sort,
        "resultSortTime": sort,
        "queryPreparationTime": 0.0,
        "innerEvalTime": evaluation,
        "execQueueTime": max(0.0, guard.elapsed_seconds() - evaluation - sort),
        "execTotalTime": guard.elapsed_seconds(),
    }
    samples = {"totalQueryableSamples": statistics.samples, "peakSamples": statistics.samples}
    return {"timings": timings, "samples": samples}
