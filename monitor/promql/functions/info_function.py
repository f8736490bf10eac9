"""info(): adds labels of info metrics such as target_info to the series of the same instance and job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelColumn, LabelFrame, Rows, group_codes, shared_codes
from monitor.model.labels import METRIC_NAME
from monitor.model.matchers import Matcher, MatchOp, match_rows
from monitor.model.samples import Mask, Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import merge_equal
from monitor.promql.selectors import sample_times, selects_histograms
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import Call, VectorSelector, walk
from monitor.promql.values import Vector

_TARGET_INFO = Matcher(METRIC_NAME, MatchOp.EQUAL, "target_info")
_ANY_INFO = Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info")
_IDENTIFYING = ("instance", "job")
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """P possible results: series `base` (P,) with the info series `info` (N, P), one per info metric or NONE."""

    base: Rows
    info: Rows
    present: Mask
    """(P, T)"""


def info(node: Call, base: Vector, steps: Steps, context: QueryContext) -> Vector:
    """`base` with the labels of its info series; what is an info series itself stays as it is.

    With a selector as second argument, only the labels that it names are added, and series without a matching info
    series go if it wants one of these labels not to be empty. Raises EvaluationError if two info series of one metric
    or two info metrics contradict each other.
    """
    of_name, of_data = _matchers(node)
    is_info = match_rows(base.labels, of_name) if of_name else np.zeros(base.size, np.bool_)
    infos = _info_series(node, base.labels.take(~is_info), of_name or (_TARGET_INFO,), of_data, steps, context)
    choices = _choices(base.labels, infos, context)
    choices[:, is_info] = NONE
    may_stay_alone = is_info | all(matcher.matches_empty for matcher in of_data)
    candidates = _candidates(base, choices, may_stay_alone)
    names = {matcher.name for matcher in of_data}
    labels = _enriched(base.labels, infos.labels, candidates, names)
    result = base.take(candidates.base, labels)
    return merge_equal(replace(result, present=candidates.present), node, context)


def _matchers(node: Call) -> tuple[tuple[Matcher, ...], tuple[Matcher, ...]]:
    """What info metrics are named and which labels they have, as far as the call says."""
    if len(node.arguments) == 1:
        return (_TARGET_INFO,), ()
    selector = node.arguments[1]
    assert isinstance(selector, VectorSelector), f"BUG: got {type(selector).__name__}, want a selector"
    of_name = tuple(matcher for matcher in selector.matchers if matcher.name == METRIC_NAME)
    if of_name and all(matcher.is_negative for matcher in of_name):
        of_name = (_ANY_INFO, *of_name)
    return of_name, tuple(matcher for matcher in selector.matchers if matcher.name != METRIC_NAME)


def _info_series(
    node: Call,
    labels: LabelFrame,
    of_name: tuple[Matcher, ...],
    of_data: tuple[Matcher, ...],
    steps: Steps,
    context: QueryContext,
) -> Vector:
    """The info series that may belong to `labels`; their values are when they were sampled, in seconds."""
    identifying = []
    for name in _IDENTIFYING:
        column = labels.column(name)
        texts = sorted({column.values[code] for code in column.used().tolist()} - {""})
        if texts:
            identifying.append(Matcher(name, MatchOp.REGEX, "|".join(map(_quoted, texts))))
    if not identifying:
        return Vector.empty(steps.count)
    selector = VectorSelector("", (*of_name, *identifying, *of_data))
    for seen in walk(node.arguments[0]):
        if isinstance(seen, VectorSelector):
            selector = replace(selector, offset=seen.offset, at=seen.at)
            break
    if selects_histograms(selector, steps, context):
        raise EvaluationError("an info metric must have float samples, got native histograms")
    infos = sample_times(selector, steps, context)
    context.watch.count_vector(infos)
    return infos


def _quoted(text: str) -> str:
    """A regular expression that matches `text` only."""
    return "".join(f"\\{char}" if char in r"\.+*?()|[]{}^$" else char for char in text)


def _choices(base: LabelFrame, infos: Vector, context: QueryContext) -> Rows:
    """(N, S, T) for each info metric, series of `base` and step, the youngest matching info series or NONE."""
    name_codes = infos.labels.column(METRIC_NAME)
    names = name_codes.used()
    codes_base, codes_info = shared_codes([base, infos.labels], _IDENTIFYING)
    keys = [np.concatenate(both) for both in zip(codes_base, codes_info, strict=True)]
    group = group_codes(base.size + infos.size, keys).group
    group_base, group_info = group[: base.size], group[base.size :]
    context.limits.check_cells(len(names) * base.size, infos.steps)
    choices = np.full((len(names), base.size, infos.steps), NONE, np.intp)
    for number, code in enumerate(names.tolist()):
        rows = np.flatnonzero(name_codes.codes == code)
        groups = Groups(group_codes(len(rows), [group_info[rows]]))
        youngest = _youngest(infos, rows, groups)
        where = np.full(int(group.max(initial=0)) + 1, NONE, np.intp)
        where[group_info[rows[groups.first]]] = np.arange(groups.size)
        found = where[group_base]
        choices[number, found != NONE] = youngest[found[found != NONE]]
    return choices


def _youngest(infos: Vector, rows: Rows, groups: Groups) -> Rows:
    """(G, T) the row of the youngest sample of each group, or NONE."""
    present = infos.mask()[rows]
    times = np.where(present, infos.values[rows], -np.inf)
    newest: Values = groups.reduce(np.maximum, times)
    is_newest = present & (times == newest[groups.group])
    several = groups.count(is_newest, infos.steps) > 1
    if several.any():
        raise EvaluationError(_duplicates_message(infos, rows, groups, is_newest, several))
    row_or_none = np.where(is_newest, rows[:, None], NONE)
    result: Rows = groups.reduce(np.maximum, row_or_none)
    return result


def _duplicates_message(infos: Vector, rows: Rows, groups: Groups, is_newest: Mask, several: Mask) -> str:
    step = int(np.flatnonzero(several.any(axis=0))[0])
    group = int(np.flatnonzero(several[:, step])[0])
    first, second = rows[is_newest[:, step] & (groups.group == group)][:2].tolist()
    time_ms = round(float(infos.values[first, step]) * 1000)
    existing, new = infos.labels.labels(first), infos.labels.labels(second)
    return f"found duplicate series for info metric: existing {existing} @ {time_ms}, new {new} @ {time_ms}"


def _candidates(base: Vector, choices: Rows, may_stay_alone: Mask) -> _Candidates:
    """Every combination of a series and info series that occurs at some step."""
    present = base.mask() & (may_stay_alone[:, None] | (choices != NONE).any(axis=0))
    rows, steps = np.nonzero(present)
    codes = [rows, *(choice[rows, steps] - NONE for choice in choices)]
    grouping = group_codes(len(rows), codes)
    cells = np.zeros((grouping.size, base.steps), np.bool_)
    cells[grouping.group, steps] = True
    first_rows, first_steps = rows[grouping.first], steps[grouping.first]
    return _Candidates(first_rows, choices[:, first_rows, first_steps], cells)


def _enriched(base: LabelFrame, infos: LabelFrame, candidates: _Candidates, names: set[str]) -> LabelFrame:
    labels = base.take(candidates.base)
    wanted = names or {name for name in infos.columns if name != METRIC_NAME}
    for name in sorted(wanted & infos.columns.keys()):
        column = infos.column(name)
        codes = [np.where(rows == NONE, 0, column.codes[rows]) for rows in candidates.info]
        own = labels.column(name)
        added = reduce(lambda a, b: np.where(a == 0, b, a), codes, np.zeros(labels.size, np.int32))
        is_free = own.codes == 0
        if any((is_free & (code != 0) & (code != added)).any() for code in codes):
            raise EvaluationError(f"conflicting label: {name}")
        code_by_value = {"": 0}
        own_codes, added_codes = own.recoded(code_by_value), LabelColumn(added, column.values).recoded(code_by_value)
        merged = np.where(is_free, added_codes, own_codes)
        labels = labels.with_column(name, LabelColumn(merged, tuple(code_by_value)))
    return labels
