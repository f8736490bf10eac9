"""PromQL for the rest of the service: an expression, a reader and times in, a result out.

    engine = Engine(QueryLimits(), Features(), SystemClock())
    plan = engine.plan('sum by (job) (rate(http_requests_total[5m]))')
    with store.reader() as reader:
        result = engine.range(plan, start_ms, end_ms, step_ms, reader)

An engine may be used by several threads at once, and so may a plan.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from monitor.clock import Clock
from monitor.errors import CorruptData, EvaluationError
from monitor.model.frame import Frame
from monitor.model.samples import Values
from monitor.promql.annotations import Annotations
from monitor.promql.context import QueryContext
from monitor.promql.estimates import CostEstimate, check_cost
from monitor.promql.evaluate import evaluate, range_vector
from monitor.promql.features import Features
from monitor.promql.functions.instant_functions import single_row
from monitor.promql.histograms.range_windows import runs_with_histograms
from monitor.promql.limits import Deadline, Guard, QueryLimits
from monitor.promql.plan import Plan, unwrapped
from monitor.promql.ranges.extended_ranges import extended_samples
from monitor.promql.ranges.range_vectors import SampleRuns, sample_runs, window_samples
from monitor.promql.results import (
    QueryResult,
    QueryStatistics,
    ResultType,
    ResultValue,
    final_vector,
    sorted_frame,
    vector_frame,
)
from monitor.promql.steps import QueryTimes, Steps
from monitor.promql.syntax.nodes import Expression, MatrixSelector, Subquery, ValueType
from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.printing import format_expression
from monitor.promql.syntax.type_check import value_type
from monitor.promql.values import Vector
from monitor.promql.watch import QueryWatch
from monitor.storage.interfaces import Reader

_TYPE_NAMES = {ValueType.MATRIX: "range vector", ValueType.STRING: "string"}


class Engine:
    def __init__(self, limits: QueryLimits, features: Features, clock: Clock) -> None:
        self.limits = limits
        self.features = features
        self._clock = clock
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._plan_characters = 0
        self._plans_lock = Lock()

    def plan(self, expression: str | Expression) -> Plan:
        """The same plan for the same text, as long as it is among the last used. Raises ParseError."""
        text = expression if isinstance(expression, str) else format_expression(expression)
        with self._plans_lock:
            plan = self._plans.get(text)
            if plan is not None:
                self._plans.move_to_end(text)
                return plan
        # Also for a given tree: positions in annotations are those in its text.
        plan = Plan(text, parse_expression(text, self.features, self.limits.parse))
        self._keep(plan)
        return plan

    def _keep(self, plan: Plan) -> None:
        with self._plans_lock:
            if plan.text not in self._plans:
                self._plan_characters += len(plan.text)
            self._plans[plan.text] = plan
            while len(self._plans) > self.limits.plans_max or self._plan_characters > self.limits.plan_characters_max:
                text, _ = self._plans.popitem(last=False)
                self._plan_characters -= len(text)

    def instant(
        self,
        plan: Plan,
        at_ms: int,
        reader: Reader,
        *,
        lookback_ms: int | None = None,
        guard: Guard | None = None,
        watch: QueryWatch | None = None,
        is_small: bool = False,
    ) -> QueryResult:
        """The value at one instant. Raises QueryError: EvaluationError, LimitExceeded, QueryTimeout, QueryCanceled.

        What the caller takes for small is not estimated before; NotSmall says that it was wrong.
        """
        steps = Steps.instant(at_ms)
        context = self._context(plan, reader, steps, at_ms, False, lookback_ms, guard, watch)
        context.is_small = is_small
        return self._answer(context)

    def range(
        self,
        plan: Plan,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        reader: Reader,
        *,
        lookback_ms: int | None = None,
        guard: Guard | None = None,
        watch: QueryWatch | None = None,
        is_small: bool = False,
    ) -> QueryResult:
        """The values from `start_ms` to `end_ms`, both included, every `step_ms` > 0; nothing if the end is before.

        Raises QueryError, and NotSmall as `instant` does.
        """
        type_of_value = value_type(plan.expression)
        if type_of_value in _TYPE_NAMES:
            name = _TYPE_NAMES[type_of_value]
            raise EvaluationError(f'invalid expression type "{name}" for range query, must be Scalar or instant Vector')
        steps = Steps.between(start_ms, end_ms, step_ms)
        self.limits.check_steps(steps.count)
        context = self._context(plan, reader, steps, end_ms, True, lookback_ms, guard, watch)
        context.is_small = is_small
        return self._answer(context)

    def estimate(
        self, plan: Plan, times: QueryTimes, reader: Reader, *, lookback_ms: int | None = None
    ) -> CostEstimate:
        """What the query would cost, with every selector looked up. Raises QueryError."""
        if times.is_range:
            steps = Steps.between(times.start_ms, times.end_ms, times.step_ms)
            self.limits.check_steps(steps.count)
        else:
            steps = Steps.instant(times.start_ms)
        context = self._context(plan, reader, steps, times.end_ms, times.is_range, lookback_ms, None, None)
        return CostEstimate(context, is_exact=True)

    def _context(
        self,
        plan: Plan,
        reader: Reader,
        steps: Steps,
        end_ms: int,
        is_range_query: bool,
        lookback_ms: int | None,
        guard: Guard | None,
        watch: QueryWatch | None,
    ) -> QueryContext:
        return QueryContext(
            plan=plan,
            reader=reader,
            limits=self.limits,
            features=self.features,
            guard=Deadline(self._clock, self.limits.timeout_seconds, guard),
            steps=steps,
            end_ms=end_ms,
            is_range_query=is_range_query,
            lookback_ms=self.limits.lookback_ms if lookback_ms is None else lookback_ms,
            annotations=Annotations(plan.text),
            watch=watch or QueryWatch(),
        )

    def _answer(self, context: QueryContext) -> QueryResult:
        try:
            return self._answer_once(context)
        except CorruptData:
            # Met where samples were read at the last moment. From now on it is known, and passed over with a warning.
            return self._answer_once(context.begun_anew())

    def _answer_once(self, context: QueryContext) -> QueryResult:
        begun = self._clock.monotonic_seconds()
        context.watch.begin(context.steps.count)
        if not context.is_small:
            check_cost(context)
        started = self._clock.monotonic_seconds()
        with np.errstate(all="ignore"):
            value = _evaluate(context)
            evaluated = self._clock.monotonic_seconds()
            kind, shown = _shown(value, context)
        context.limits.check_points(_points(shown))
        seconds = {
            "preparation": started - begun,
            "evaluation": evaluated - started,
            "result_sort": self._clock.monotonic_seconds() - evaluated,
        }
        return QueryResult(
            type=kind,
            value=shown,
            steps=context.steps,
            warnings=context.annotations.warnings,
            infos=context.annotations.infos,
            statistics=QueryStatistics(context.watch.samples, _series(shown), seconds, context.watch.counts_by_step),
        )


def _evaluate(context: QueryContext) -> ResultValue | Vector | Values:
    if not context.steps.count:
        return Vector.empty(0)
    root = unwrapped(context.plan.expression)
    if isinstance(root, MatrixSelector | Subquery):
        vector = context.watch.traced(root, lambda: range_vector(root, context.steps, context))
        if vector.modifier is None:
            runs = sample_runs(vector.labels, window_samples(vector, context.guard))
            runs = runs_with_histograms(vector, runs) if vector.histograms else runs
        else:
            runs = sample_runs(vector.labels, extended_samples(vector, context.lookback_ms, context.guard))
        if isinstance(root, Subquery):
            context.watch.count_aside()
        else:
            context.watch.count_at_last(len(runs.values))
        return runs
    value = evaluate(root, context.steps, context)
    return final_vector(value, context) if isinstance(value, Vector) else value


def _shown(value: ResultValue | Vector | Values, context: QueryContext) -> tuple[ResultType, ResultValue]:
    if isinstance(value, np.ndarray) and not context.is_range_query:
        return ResultType.SCALAR, float(value[0])
    if isinstance(value, np.ndarray):
        return ResultType.MATRIX, vector_frame(single_row(value))
    if isinstance(value, Vector) and not context.is_range_query:
        return ResultType.VECTOR, vector_frame(value)
    if isinstance(value, Vector):
        return ResultType.MATRIX, sorted_frame(value, context)
    return ResultType.STRING if isinstance(value, str) else ResultType.MATRIX, value


def _series(value: ResultValue) -> int:
    if isinstance(value, Frame):
        return value.series
    return value.labels.size if isinstance(value, SampleRuns) else 1


def _points(value: ResultValue) -> int:
    if isinstance(value, Frame):
        return int(value.values.size if value.present is None else value.present.sum())
    return len(value.values) if isinstance(value, SampleRuns) else 1
