"""Instant and range queries, exemplars, and what parses an expression without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces, json_answer, takes_gzip
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET_AND_POST, Endpoint, Parameter
from monitor.api.history.range_tables import TABLE_FORMAT, table_format, table_pieces
from monitor.api.history.usage_routes import counted_reader
from monitor.api.parameters import Parameters, invalid_parameter, parameters_of, read_parameters
from monitor.api.queries.asked_query import AskedQuery, client_of
from monitor.api.queries.query_pieces import query_pieces
from monitor.api.queries.quick_queries import QuickQueries
from monitor.api.queries.running_queries import RunningQuery
from monitor.api.query_guard import QueryGuard
from monitor.api.reading import answer_in_thread, query_guard
from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS, parse_duration_ns
from monitor.config.settings import Limits
from monitor.errors import BadRequest, NotSmall, ParseError
from monitor.history.exports.formats import MEDIA_TYPES, ExportFormat
from monitor.promql.engine import Engine
from monitor.promql.limits import Guard
from monitor.promql.plan import Plan
from monitor.promql.results import QueryResult
from monitor.promql.steps import QueryTimes
from monitor.promql.syntax.nodes import ValueType
from monitor.promql.syntax.printing import prettify
from monitor.promql.syntax.tree_json import expression_json
from monitor.promql.syntax.type_check import value_type
from monitor.promql.watch import QueryWatch
from monitor.storage.interfaces import Reader

_NS_PER_MS = 1_000_000
_RANGE_TYPES = {ValueType.MATRIX: "range vector", ValueType.STRING: "string"}

_QUERY = Parameter("query", "PromQL expression.", is_required=True, example="up")
_TIME_FORMS = "RFC3339 or Unix seconds, with a fraction if wanted"
_COMMON = (
    Parameter("timeout", "Evaluation timeout, such as `30s` or `2.5`; at most the server's own.", example="30s"),
    Parameter("limit", "Most series in the answer; 0 is no limit.", schema="integer"),
    Parameter("lookback_delta", "How long the last sample of a series counts as its current value.", example="5m"),
    Parameter("stats", "If not empty, the answer holds statistics; `all`: of each step too.", example="all"),
)


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """`limit` 0 is none; `lookback_ms` and `timeout_seconds` None are the server's own.

    `statistics` "" is none, "all" those of steps too.
    """

    expression: str
    limit: int
    lookback_ms: int | None
    statistics: str
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _QueryRequest:
    """What is asked for; with `table` as one."""

    request: Request
    times: QueryTimes
    options: QueryOptions
    table: ExportFormat | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An instant or a range query, ready for a reader. What `is_small` is not estimated before."""

    engine: Engine
    plan: Plan
    times: QueryTimes
    lookback_ms: int | None
    guard: Guard
    watch: QueryWatch
    is_small: bool = False

    def result(self, reader: Reader) -> QueryResult:
        engine, plan, times = self.engine, self.plan, self.times
        lookback_ms, guard, watch, is_small = self.lookback_ms, self.guard, self.watch, self.is_small
        if not times.is_range:
            return engine.instant(
                plan, times.start_ms, reader, lookback_ms=lookback_ms, guard=guard, watch=watch, is_small=is_small
            )
        bounds = (times.start_ms, times.end_ms, times.step_ms)
        return engine.range(plan, *bounds, reader, lookback_ms=lookback_ms, guard=guard, watch=watch, is_small=is_small)


def asked_query(request: Request, expression: str, times: QueryTimes, client_header: str) -> AskedQuery:
    client, scope = client_of(request, client_header), request.scope
    return AskedQuery(expression, times.start_ms, times.end_ms, times.step_ms, client, scope["method"], scope["path"])


class QueryRoutes:
    """Handlers of everything that takes `query`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._quick = QuickQueries()

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
                handler_at_once=self.instant_at_once,
            ),
            Endpoint(
                "/api/v1/query_range",
                self.range,
                "Evaluate an expression over a range of time",
                methods=GET_AND_POST,
                parameters=(_QUERY, start, end, step, TABLE_FORMAT, *_COMMON),
                handler_at_once=self.range_at_once,
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
        return await self._answer(self._instant_query(request, await read_parameters(request, self._context.limits)))

    def instant_at_once(self, request: Request, body: bytes) -> Answer | None:
        return self._answer_at_once(self._instant_query(request, parameters_of(request, body)))

    def _instant_query(self, request: Request, parameters: Parameters) -> _QueryRequest:
        times = QueryTimes.instant(parameters.time_ms_or("time", self._context.clock.now_ms()))
        return _QueryRequest(request, times, query_options(parameters))

    async def range(self, request: Request) -> Answer:
        return await self._answer(self._range_query(request, await read_parameters(request, self._context.limits)))

    def range_at_once(self, request: Request, body: bytes) -> Answer | None:
        return self._answer_at_once(self._range_query(request, parameters_of(request, body)))

    def _range_query(self, request: Request, parameters: Parameters) -> _QueryRequest:
        table = table_format(parameters.text("format"))
        return _QueryRequest(request, range_times(parameters, self._context.limits), query_options(parameters), table)

    async def _answer(self, query: _QueryRequest) -> Answer:
        at_once = self._answer_at_once(query)
        if at_once is not None:
            return at_once
        context = self._context
        guard = query_guard(context, query.options.timeout_seconds)
        with context.records.running.entered(self._asked(query), context.clock.now_ms(), guard) as running:
            answer = await answer_in_thread(
                context, query.request, lambda _guard: self._evaluated(query, running, is_small=False), guard
            )
            self._learn(query, running)
        return answer if query.table is None else replace(answer, content_type=MEDIA_TYPES[query.table].name.encode())

    def _answer_at_once(self, query: _QueryRequest) -> Answer | None:
        """Nobody can see or end a query meanwhile, so it is not listed among those under way."""
        context, options = self._context, query.options
        if query.table is not None or not self._quick.is_quick(options.expression, query.times, options.lookback_ms):
            return None
        guard = query_guard(context, options.timeout_seconds)
        running = RunningQuery(0, self._asked(query), context.clock.now_ms(), guard)
        try:
            answer = json_answer(self._evaluated(query, running, is_small=True), gzip=takes_gzip(query.request))
        except NotSmall:
            self._quick.forget(options.expression, options.lookback_ms)
            return None
        self._learn(query, running)
        return answer

    def _learn(self, query: _QueryRequest, ended: RunningQuery) -> None:
        options = query.options
        self._quick.learn(options.expression, query.times, options.lookback_ms, ended.cost, ended.seconds)

    def _asked(self, query: _QueryRequest) -> AskedQuery:
        return asked_query(query.request, query.options.expression, query.times, self._context.limits.client_header)

    def _evaluated(self, query: _QueryRequest, running: RunningQuery, *, is_small: bool) -> Iterator[bytes]:
        """The body of the answer, and what the query cost in `running`."""
        context, times, options, guard = self._context, query.times, query.options, running.guard
        plan = query_plan(context.engine, options.expression)
        refused = _RANGE_TYPES.get(value_type(plan.expression)) if times.is_range else None
        if refused:
            reason = f'invalid expression type "{refused}" for range query, must be Scalar or instant Vector'
            raise invalid_parameter("query", reason)
        watch = context.records.new_watch(counts_samples=bool(options.statistics))
        evaluation = Evaluation(context.engine, plan, times, options.lookback_ms, guard, watch, is_small)
        with context.store.reader() as opened:
            reader = counted_reader(context, query.request, opened)
            result, record = context.records.evaluated(running, watch, lambda: evaluation.result(reader))
        context.metrics.query_samples.inc(result.statistics.samples)
        running.seconds = record.seconds - record.queue_seconds
        running.cost = result.statistics.samples + result.statistics.series * result.steps.count
        if query.table is not None:
            return table_pieces(result, query.table, guard)
        return query_pieces(result, record, guard, plan.memo, limit=options.limit, statistics=options.statistics)

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
            return data_pieces(prettify(query_plan(self._context.engine, parameters.text("query")).expression))

        return await answer_in_thread(self._context, request, work)

    async def parse(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)

        def work(_guard: QueryGuard) -> list[bytes]:
            return data_pieces(expression_json(query_plan(self._context.engine, parameters.text("query")).expression))

        return await answer_in_thread(self._context, request, work)


def query_plan(engine: Engine, expression: str) -> Plan:
    """Raises BadRequest that names the parameter `query`."""
    try:
        return engine.plan(expression)
    except ParseError as error:
        raise invalid_parameter("query", str(error)) from None


def range_times(parameters: Parameters, limits: Limits) -> QueryTimes:
    """`start`, `end` and `step`. Raises BadRequest."""
    start_ms, end_ms = parameters.time_ms("start"), parameters.time_ms("end")
    if end_ms < start_ms:
        raise invalid_parameter("end", "end timestamp must not be before start time")
    step_ns = parameters.duration_ns("step")
    if step_ns <= 0:
        reason = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise invalid_parameter("step", reason)
    steps_max = limits.query_steps
    if (end_ms - start_ms) * _NS_PER_MS // step_ns > steps_max:
        raise BadRequest(
            f"exceeded maximum resolution of {steps_max:,} points per timeseries."
            " Try decreasing the query resolution (?step=XX)"
        )
    return QueryTimes(start_ms, end_ms, max(1, step_ns // _NS_PER_MS))


def query_options(parameters: Parameters) -> QueryOptions:
    lookback_ms = None
    text = parameters.text("lookback_delta")
    if text:
        try:
            lookback_ms = parse_duration_ns(text) // _NS_PER_MS
        except ValueError as error:
            raise BadRequest(f"error parsing lookback delta duration: {error}") from None
    return QueryOptions(
        expression=parameters.text("query"),
        limit=parameters.limit(),
        lookback_ms=lookback_ms if lookback_ms is not None and lookback_ms > 0 else None,
        statistics=parameters.text("stats"),
        timeout_seconds=parameters.duration_ns("timeout") / 1e9 if parameters.text("timeout") else None,
    )
