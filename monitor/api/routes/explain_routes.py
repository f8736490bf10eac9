"""What a query does and costs, part by part."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET_AND_POST, Endpoint, Parameter
from monitor.api.parameters import Parameters, read_parameters
from monitor.api.queries.query_record import QueryRecord, statistics_json
from monitor.api.query_guard import QueryGuard
from monitor.api.reading import answer_in_thread, query_guard
from monitor.api.routes.query_routes import (
    Evaluation,
    asked_query,
    query_options,
    query_plan,
    range_times,
)
from monitor.errors import LimitExceeded
from monitor.promql.estimates import CostEstimate, NodeCost
from monitor.promql.explain import ExplainedNode, explain
from monitor.promql.steps import QueryTimes
from monitor.promql.syntax.go_text import with_replacement
from monitor.promql.watch import NodeTrace

Json = dict[str, Any]

_NO = frozenset({"0", "false"})


class ExplainRoutes:
    """The handler of /api/v1/explain."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        parameters = (
            Parameter("query", "PromQL expression.", is_required=True, example="sum(rate(http_requests_total[5m]))"),
            Parameter("time", "Evaluation time of an instant query. Default: now."),
            Parameter("start", "First step of a range query; then `end` and `step` are needed too."),
            Parameter("end", "Last step, inclusive."),
            Parameter("step", "Time between steps: a duration or seconds.", example="15s"),
            Parameter("analyze", "`false`: only estimate, do not evaluate.", schema="boolean"),
            Parameter("timeout", "Evaluation timeout."),
            Parameter("lookback_delta", "How long the last sample of a series counts as its current value."),
        )
        return (
            Endpoint(
                "/api/v1/explain",
                self.explain,
                "What a query does and costs, part by part",
                "`tree` has for each part of the expression the estimate made before the evaluation and, unless"
                " `analyze` is false or `refused` says why it was not evaluated, the series it gave and the time it"
                " took: `seconds` with the parts below it, `ownSeconds` without.",
                methods=GET_AND_POST,
                parameters=parameters,
            ),
        )

    async def explain(self, request: Request) -> Answer:
        context = self._context
        parameters = await read_parameters(request, context.limits)
        times = self._times(parameters)
        options = query_options(parameters)
        guard = query_guard(context, options.timeout_seconds)
        asked = asked_query(request, options.expression, times, context.limits.client_header)
        analyzes = parameters.text("analyze") not in _NO

        def work(guard: QueryGuard) -> list[bytes]:
            plan = query_plan(context.engine, options.expression)
            watch = context.records.new_watch(counts_samples=True, traces=True)
            evaluation = Evaluation(context.engine, plan, times, options.lookback_ms, guard, watch)
            with context.store.reader() as reader:
                estimate = context.engine.estimate(plan, times, reader, lookback_ms=options.lookback_ms)
                refused = _refusal(estimate)
                if refused is not None or not analyzes:
                    return data_pieces(_answer_json(evaluation, estimate, refused))
                _, record = context.records.evaluated(query, watch, lambda: evaluation.result(reader))
            return data_pieces(_answer_json(evaluation, estimate, None, record))

        with context.records.running.entered(asked, context.clock.now_ms(), guard) as query:
            return await answer_in_thread(context, request, work, guard)

    def _times(self, parameters: Parameters) -> QueryTimes:
        if parameters.text("start") or parameters.text("end") or parameters.text("step"):
            return range_times(parameters, self._context.limits)
        return QueryTimes.instant(parameters.time_ms_or("time", self._context.clock.now_ms()))


def _refusal(estimate: CostEstimate) -> str | None:
    try:
        estimate.check()
    except LimitExceeded as error:
        return str(error)
    return None


def _answer_json(
    evaluation: Evaluation, estimate: CostEstimate, refused: str | None, record: QueryRecord | None = None
) -> Json:
    plan, times = evaluation.plan, evaluation.times
    return {
        "query": with_replacement(plan.text),
        "start": times.start_ms / 1000,
        "end": times.end_ms / 1000,
        "step": times.step_ms / 1000,
        "refused": None if refused is None else with_replacement(refused),
        "estimate": {"loadedSamples": estimate.loaded_samples, "windowSamples": estimate.window_samples},
        "resultSeries": record.statistics.series if record and record.statistics else None,
        "stats": None if record is None else statistics_json(record),
        "tree": _node_json(explain(plan.expression, estimate, evaluation.watch)),
    }


def _node_json(node: ExplainedNode) -> Json:
    return {
        "kind": node.kind,
        "text": with_replacement(node.text),
        "estimate": None if node.cost is None else _cost_json(node.cost),
        "actual": None if node.trace is None else _trace_json(node.trace, sum(map(_seconds, node.children))),
        "children": [_node_json(child) for child in node.children],
    }


def _cost_json(cost: NodeCost) -> Json:
    return {
        "series": cost.series,
        "steps": cost.steps,
        "loadedSamples": cost.loaded_samples,
        "windowSamples": cost.window_samples,
    }


def _trace_json(trace: NodeTrace, seconds_below: float) -> Json:
    return {
        "series": trace.series,
        "evaluations": trace.evaluations,
        "seconds": trace.seconds,
        "ownSeconds": max(0.0, trace.seconds - seconds_below),
    }


def _seconds(node: ExplainedNode) -> float:
    """Parentheses are not evaluated by themselves."""
    return sum(map(_seconds, node.children)) if node.trace is None else node.trace.seconds
