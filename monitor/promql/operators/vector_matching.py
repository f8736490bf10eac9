"""Arithmetic and comparison of two vectors: finding the pairs, and refusing what is ambiguous.

The side that may have several series for one match group is called `many`, the other one `one`. Where the label sets
alone decide who belongs to whom, the operation is one pass over the pairs. Otherwise what counts is who is present at
a step: a match group may have several series on the `one` side as long as they take turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelFrame, Rows, group_codes
from monitor.model.labels import quote
from monitor.model.samples import Mask, Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import drop_names, merge_equal
from monitor.promql.operators.binary_operators import ARITHMETIC, COMPARISONS, HISTOGRAM_ONLY, without_result
from monitor.promql.operators.histogram_operators import Operand, histogram_rows, operate
from monitor.promql.operators.matching_labels import NONE, Pairing, match_labels, pair
from monitor.promql.syntax.nodes import Binary, MatchCardinality, VectorMatching
from monitor.promql.values import Vector

_PAIRS_PER_SERIES_MAX = 8
"""With more the matching is looked at twice. `a * on () b` of 10 000 series each would have 100 million."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """P possible results. `many` and `one` (P,) are rows of the two sides; NONE where a fill value stands in."""

    many: Rows
    one: Rows
    match_group: Rows
    """(P,) on the side that is there; the `one` side's number where it is, else beyond those."""
    labels: LabelFrame
    are_unique: bool
    """No two pairs share their labels, nor any series of either side: nothing has to be checked step by step."""


@dataclass(frozen=True, slots=True, eq=False)
class _Operation:
    node: Binary
    matching: VectorMatching
    many: Vector
    one: Vector
    pairing: Pairing
    """`left` is the many side, `right` the one side."""

    @property
    def is_swapped(self) -> bool:
        return self.matching.cardinality is MatchCardinality.ONE_TO_MANY

    @property
    def fill_many(self) -> float | None:
        return self.matching.fill_right if self.is_swapped else self.matching.fill_left

    @property
    def fill_one(self) -> float | None:
        return self.matching.fill_left if self.is_swapped else self.matching.fill_right


def vector_vector(node: Binary, left: Vector, right: Vector, context: QueryContext) -> Vector:
    """Raises EvaluationError where a match is ambiguous at some step."""
    operation = _operation(node, left, right, context)
    if _pair_count(operation) > _PAIRS_PER_SERIES_MAX * (left.size + right.size):
        operation = _operation(node, _with_values(left), _with_values(right), context)
        _refuse_crowds(operation, context)
    inputs = (operation.many.labels, operation.one.labels)
    keeps_names = context.features.promql_delayed_name_removal
    pairs = context.derive(node, "pairs", inputs, lambda: _find_pairs(operation, keeps_names))
    active = _active(operation, pairs)
    if operation.many.histograms is not None or operation.one.histograms is not None:
        return _calculate_with_histograms(operation, pairs, active, context)
    if not pairs.are_unique:
        _refuse_ambiguity(operation, pairs, active)
    return _calculate(operation, pairs, active, context)


def _operation(node: Binary, left: Vector, right: Vector, context: QueryContext) -> _Operation:
    matching = node.matching
    assert matching is not None, "BUG: got a vector operation without matching"
    inputs = (left.labels, right.labels)
    pairing = context.derive(node, "pairing", inputs, lambda: pair(left.labels, right.labels, matching))
    if matching.cardinality is MatchCardinality.ONE_TO_MANY:
        return _Operation(node, matching, right, left, pairing.swapped())
    return _Operation(node, matching, left, right, pairing)


def _pair_count(operation: _Operation) -> int:
    """How many series of both sides have the same match group."""
    group_of_many = operation.pairing.right.group_of_other
    if operation.pairing.right.groups.is_unique:
        return len(group_of_many)
    return int(operation.pairing.right.groups.sizes[group_of_many[group_of_many != NONE]].sum())


def _with_values(vector: Vector) -> Vector:
    rows = np.flatnonzero(vector.any_present())
    return vector.take(rows, vector.labels.take(rows))


def _refuse_crowds(operation: _Operation, context: QueryContext) -> None:
    """Raises before pairs are laid out that are too many: as a rule they are ambiguous, too."""
    pairs, steps = _pair_count(operation), operation.many.steps
    if pairs <= _PAIRS_PER_SERIES_MAX * (operation.many.size + operation.one.size):
        return
    duplicates = np.flatnonzero(_steps_with_duplicates(operation))
    if len(duplicates):
        raise EvaluationError(_duplicates_message(operation, int(duplicates[0])))
    context.limits.check_cells(pairs, steps)


def _find_pairs(operation: _Operation, keeps_names: bool) -> _Pairs:
    one_groups = operation.pairing.right.groups
    group_of_many = operation.pairing.right.group_of_other
    matched = np.flatnonzero(group_of_many != NONE)
    sizes = one_groups.sizes[group_of_many[matched]]
    many = np.repeat(matched, sizes)
    position = np.arange(len(many)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    one_by_group = np.arange(len(one_groups.group)) if one_groups.order is None else one_groups.order
    one = one_by_group[one_groups.starts[group_of_many[many]] + position]
    parts = [(many, one)]
    if operation.fill_one is not None:
        parts.append((np.arange(operation.many.size), np.full(operation.many.size, NONE)))
    if operation.fill_many is not None:
        parts.append((np.full(operation.one.size, NONE), np.arange(operation.one.size)))
    labels = LabelFrame.concat([_result_labels(operation, *part, keeps_names) for part in parts])
    many = np.concatenate([part[0] for part in parts])
    one = np.concatenate([part[1] for part in parts])
    return _Pairs(many, one, _match_groups(operation, many, one), labels, _are_unique(operation, labels, len(parts)))


def _match_groups(operation: _Operation, many: Rows, one: Rows) -> Rows:
    one_groups, many_groups = operation.pairing.right.groups, operation.pairing.left.groups
    result = np.empty(len(many), np.intp)
    has_one = one != NONE
    result[has_one] = one_groups.group[one[has_one]]
    alone = many[~has_one]
    matched = operation.pairing.right.group_of_other[alone]
    result[~has_one] = np.where(matched != NONE, matched, one_groups.size + many_groups.group[alone])
    return result


def _are_unique(operation: _Operation, labels: LabelFrame, parts: int) -> bool:
    if parts > 1 or not operation.pairing.right.groups.is_unique:
        return False
    if operation.matching.cardinality is MatchCardinality.ONE_TO_ONE:
        return operation.pairing.left.groups.is_unique
    return labels.duplicate() is None


def _result_labels(operation: _Operation, many: Rows, one: Rows, keeps_names: bool) -> LabelFrame:
    """The labels of results of `many` and `one` (P,); all of one of them are NONE where a fill value stands in."""
    matching = operation.matching
    if len(many) and many[0] == NONE:
        labels = match_labels(operation.one.labels.take(one), matching)
    else:
        labels = operation.many.labels.take(many)
    copied = operation.one.labels.take(one) if not len(one) or one[0] != NONE else match_labels(labels, matching)
    if operation.node.operator in ARITHMETIC:
        labels = drop_names(labels)
    if matching.cardinality is MatchCardinality.ONE_TO_ONE:
        labels = labels.keep(matching.labels) if matching.on else labels.drop(matching.labels)
    for name in matching.include:
        labels = labels.with_column(name, copied.column(name))
    return drop_names(labels) if operation.node.return_bool and not keeps_names else labels


def _active(operation: _Operation, pairs: _Pairs) -> Mask | None:
    """Where a pair is a pair, (P, T); None: everywhere."""
    many, one = operation.many, operation.one
    if operation.fill_one is None and operation.fill_many is None:
        if many.present is None:
            return None if one.present is None else one.present[pairs.one]
        active = many.present[pairs.many]
        return active if one.present is None else active & one.present[pairs.one]
    active = np.ones((len(pairs.many), many.steps), np.bool_)
    has_many, has_one = pairs.many != NONE, pairs.one != NONE
    active[has_many] &= many.mask()[pairs.many[has_many]]
    active[has_one] &= one.mask()[pairs.one[has_one]]
    active[~has_one] &= ~operation.pairing.right.any_for_other(one.mask())[pairs.many[~has_one]]
    active[~has_many] &= ~operation.pairing.left.any_for_other(many.mask())[pairs.one[~has_many]]
    return active


def _calculate(operation: _Operation, pairs: _Pairs, active: Mask | None, context: QueryContext) -> Vector:
    node = operation.node
    many = _operand(operation.many.values, pairs.many, operation.fill_many)
    one = _operand(operation.one.values, pairs.one, operation.fill_one)
    left, right = (one, many) if operation.is_swapped else (many, one)
    drops_name = _drops_name(operation, pairs, context)
    if node.operator in HISTOGRAM_ONLY:
        result = Vector(pairs.labels, left, active, drops_name)
        return without_result(node, result, result.mask(), context)
    if node.operator in ARITHMETIC:
        result = Vector(pairs.labels, ARITHMETIC[node.operator](left, right), active, drops_name)
    else:
        keep = COMPARISONS[node.operator](left, right)
        if node.return_bool:
            result = Vector(pairs.labels, keep.astype(np.float64), active, drops_name)
        else:
            result = Vector(pairs.labels, left, active, drops_name).filtered(keep)
    return merge_equal(result, node, context)


def _drops_name(operation: _Operation, pairs: _Pairs, context: QueryContext) -> Mask | None:
    if not context.features.promql_delayed_name_removal:
        return None
    return np.full(len(pairs.many), operation.node.return_bool)


def _calculate_with_histograms(
    operation: _Operation, pairs: _Pairs, active: Mask | None, context: QueryContext
) -> Vector:
    """Pairs of types that the operator makes nothing of are no pairs, so they cannot be ambiguous either."""
    node, many, one = operation.node, operation.many, operation.one
    sides = [
        Operand(_operand(many.values, pairs.many, operation.fill_many), histogram_rows(many, pairs.many)),
        Operand(_operand(one.values, pairs.one, operation.fill_one), histogram_rows(one, pairs.one)),
    ]
    left, right = reversed(sides) if operation.is_swapped else sides
    there = np.ones((len(pairs.many), many.steps), np.bool_) if active is None else active
    outcome = operate(node, left, right, there, context)
    if not pairs.are_unique:
        _refuse_ambiguity(operation, pairs, outcome.valid)
    drops_name = _drops_name(operation, pairs, context)
    if node.return_bool:
        result = Vector(pairs.labels, outcome.holds.astype(np.float64), outcome.valid, drops_name)
    else:
        result = Vector(pairs.labels, outcome.values, outcome.holds, drops_name, outcome.histograms)
    return merge_equal(result, node, context)


def _operand(values: Values, rows: Rows, fill: float | None) -> Values:
    if fill is None:
        return values if _is_identity(rows, len(values)) else values[rows]
    padded = np.concatenate([values, np.full((1, values.shape[1]), fill)])
    return padded[rows]


def _is_identity(rows: Rows, size: int) -> bool:
    return len(rows) == size and bool((rows == np.arange(size)).all())


def _refuse_ambiguity(operation: _Operation, pairs: _Pairs, active: Mask | None) -> None:
    """Raises what upstream would say at the first step at which a match is ambiguous."""
    several_on_one_side = _steps_with_duplicates(operation)
    several_results = _steps_with_several_results(operation, pairs, active)
    either = several_on_one_side | several_results
    if not either.any():
        return
    step = int(np.flatnonzero(either)[0])
    if several_on_one_side[step]:
        raise EvaluationError(_duplicates_message(operation, step))
    if operation.matching.cardinality is MatchCardinality.ONE_TO_ONE:
        raise EvaluationError(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        )
    raise EvaluationError("multiple matches for labels: grouping labels must ensure unique matches")


def _steps_with_duplicates(operation: _Operation) -> Mask:
    """(T,) steps with several series of one match group on the `one` side, if there is anything to match at all."""
    groups = operation.pairing.right.groups
    steps = operation.one.steps
    if groups.is_unique:
        return np.zeros(steps, np.bool_)
    duplicates = np.asarray((groups.count(operation.one.present, steps) > 1).any(axis=0))
    if operation.fill_one is None and operation.fill_many is None:
        duplicates &= operation.many.present_steps()
    return duplicates


def _steps_with_several_results(operation: _Operation, pairs: _Pairs, active: Mask | None) -> Mask:
    """(T,) steps at which one match group has two results that its result labels do not tell apart."""
    steps = operation.many.steps
    if not len(pairs.many):
        return np.zeros(steps, np.bool_)
    if operation.matching.cardinality is MatchCardinality.ONE_TO_ONE:
        groups = Groups(group_codes(len(pairs.match_group), [pairs.match_group]))
    else:
        of_labels = pairs.labels.group().group
        groups = Groups(group_codes(len(pairs.match_group), [pairs.match_group, of_labels]))
    return np.asarray((groups.count(active, steps) > 1).any(axis=0))


def _duplicates_message(operation: _Operation, step: int) -> str:
    groups = operation.pairing.right.groups
    present = np.flatnonzero(operation.one.mask()[:, step])
    seen: dict[int, int] = {}
    for row in present.tolist():
        first = seen.setdefault(int(groups.group[row]), row)
        if first != row:
            break
    labels = operation.one.labels
    first, row = sorted((first, row), key=labels.labels)
    group = _braces(match_labels(labels.take(np.array([row])), operation.matching), 0)
    side = "left" if operation.is_swapped else "right"
    return (
        f"found duplicate series for the match group {group} on the {side} hand-side of the operation: "
        f"[{_braces(labels, first)}, {_braces(labels, row)}]"
        ";many-to-many matching not allowed: matching labels must be unique on one side"
    )


def _braces(labels: LabelFrame, row: int) -> str:
    """A label set as Go's labels.Labels.String() prints it, the metric name like any other label."""
    return f"{{{', '.join(f'{name}={quote(text)}' for name, text in labels.labels(row).items())}}}"
