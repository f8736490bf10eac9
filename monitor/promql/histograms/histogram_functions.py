"""histogram_quantile, histogram_quantiles and histogram_fraction, the classic histograms among what they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitor.errors import Span
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME, quote
from monitor.model.samples import Mask, Values
from monitor.promql.annotations import Repair, for_metric
from monitor.promql.context import QueryContext
from monitor.promql.functions.go_format import format_general, format_open_metrics
from monitor.promql.functions.names import drop_names, merge_equal, without_names
from monitor.promql.histograms.bucket_layout import BUCKET_LABEL, BucketLayout, find_buckets
from monitor.promql.histograms.bucket_quantiles import (
    Repairs,
    bucket_fractions,
    bucket_quantiles,
    make_monotonic,
    packed,
)
from monitor.promql.histograms.native_functions import native_fractions, native_quantiles, without_conflicts
from monitor.promql.steps import Steps
from monitor.promql.syntax.nodes import Call
from monitor.promql.values import Vector


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Histograms at single steps, see bucket_quantiles: C cells, each at a step and of a histogram."""

    counts: Values
    bounds: Values
    sizes: Values
    histograms: np.ndarray[tuple[int], np.dtype[np.intp]]
    steps: np.ndarray[tuple[int], np.dtype[np.intp]]


_Formula = Callable[[_Cells], Values]


def histogram_quantile(node: Call, quantile: Values, vector: Vector, steps: Steps, context: QueryContext) -> Vector:
    """`quantile` (T,)."""
    _check_quantile(quantile, context.plan.argument_span(node.arguments[0], node), context)
    span = context.plan.argument_span(node.arguments[1], node)
    if vector.histograms is not None:
        vector = without_conflicts(vector, span, context)
        natives = native_quantiles(quantile, vector, context.plan.argument_span(node.arguments[0], node), context)
        classics = _classic_quantile(node, quantile, vector.floats(), steps, context)
        return _joined([natives, classics], node, context)
    return without_names(_classic_quantile(node, quantile, vector, steps, context), node, context)


def _classic_quantile(node: Call, quantile: Values, vector: Vector, steps: Steps, context: QueryContext) -> Vector:
    span = context.plan.argument_span(node.arguments[1], node)
    layout = _layout(node, vector, span, context)

    def formula(cells: _Cells) -> Values:
        chosen = quantile[cells.steps]
        counts = _monotonic(cells, _is_valid(chosen), layout, span, steps, context)
        return bucket_quantiles(chosen, counts, cells.bounds, cells.sizes)

    return _evaluate(layout, vector, formula)


def histogram_fraction(node: Call, lower: Values, upper: Values, vector: Vector, context: QueryContext) -> Vector:
    """`lower` and `upper` (T,)."""
    span = context.plan.argument_span(node.arguments[2], node)
    if vector.histograms is not None:
        vector = without_conflicts(vector, span, context)
        natives = native_fractions(lower, upper, vector, context.plan.argument_span(node.arguments[0], node), context)
        return _joined([natives, _classic_fraction(node, lower, upper, vector.floats(), context)], node, context)
    return without_names(_classic_fraction(node, lower, upper, vector, context), node, context)


def _classic_fraction(node: Call, lower: Values, upper: Values, vector: Vector, context: QueryContext) -> Vector:
    layout = _layout(node, vector, context.plan.argument_span(node.arguments[2], node), context)

    def formula(cells: _Cells) -> Values:
        return bucket_fractions(lower[cells.steps], upper[cells.steps], cells.counts, cells.bounds)

    return _evaluate(layout, vector, formula)


def histogram_quantiles(
    node: Call, vector: Vector, label: str, quantiles: list[Values], steps: Steps, context: QueryContext
) -> Vector:
    """Each of `quantiles` (T,), told apart by the label `label`."""
    for argument, quantile in zip(node.arguments[2:], quantiles, strict=True):
        _check_quantile(quantile, context.plan.argument_span(argument, node), context)
    argument_span = context.plan.argument_span(node.arguments[0], node)
    if vector.histograms is not None:
        vector = without_conflicts(vector, argument_span, context)
    classics = vector.floats()
    layout = _layout(node, classics, argument_span, context)
    span = context.plan.argument_span(node.arguments[1], node)
    any_valid = np.logical_or.reduce([_is_valid(quantile) for quantile in quantiles])
    parts = []
    for number, quantile in enumerate(quantiles):

        def formula(cells: _Cells, quantile: Values = quantile, is_first: bool = number == 0) -> Values:
            repaired = any_valid[cells.steps] if is_first else np.zeros(len(cells.steps), np.bool_)
            counts = _monotonic(cells, repaired, layout, span, steps, context)
            return bucket_quantiles(quantile[cells.steps], counts, cells.bounds, cells.sizes)

        if vector.histograms is not None:
            natives = native_quantiles(quantile, vector, argument_span, context)
            parts += _by_quantile(natives, label, quantile)
        parts += _by_quantile(_evaluate(layout, classics, formula), label, quantile)
    return _joined(parts, node, context)


def _by_quantile(vector: Vector, label: str, quantile: Values) -> list[Vector]:
    """One vector for each value that the quantile has at some step."""
    parts = []
    for value in np.unique(quantile).tolist():
        is_value = np.isnan(quantile) if np.isnan(value) else quantile == value
        labels = vector.labels.with_column(label, LabelColumn.constant(format_open_metrics(value), vector.size))
        parts.append(replace(vector.filtered(np.broadcast_to(is_value, vector.values.shape)), labels=labels))
    return parts


def _joined(parts: list[Vector], node: Call, context: QueryContext) -> Vector:
    is_delayed = context.features.promql_delayed_name_removal
    labels = LabelFrame.concat([part.labels for part in parts])
    values = np.concatenate([part.values for part in parts])
    present = np.concatenate([part.mask() for part in parts])
    drops_name = np.ones(labels.size, np.bool_) if is_delayed else None
    return merge_equal(Vector(labels if is_delayed else drop_names(labels), values, present, drops_name), node, context)


def _is_valid(quantile: Values) -> Mask:
    valid: Mask = (quantile >= 0) & (quantile <= 1)
    return valid


def _check_quantile(quantile: Values, span: Span, context: QueryContext) -> None:
    for value in np.unique(quantile[~_is_valid(quantile)]).tolist():
        context.annotations.warn(f"quantile value should be between 0 and 1, got {format_general(value)}", span)


def _layout(node: Call, vector: Vector, span: Span, context: QueryContext) -> BucketLayout:
    layout = context.derive(node, "buckets", (vector.labels,), lambda: find_buckets(vector.labels))
    bad = layout.bad_rows[vector.any_present()[layout.bad_rows]]
    if len(bad):
        texts = vector.labels.column(BUCKET_LABEL).take(bad).texts()
        names = vector.labels.column(METRIC_NAME).take(bad).texts()
        for text, name in set(zip(texts, names, strict=True)):
            about = for_metric(name) if context.features.promql_delayed_name_removal else ""
            message = f'bucket label "le" is missing or has a malformed value of {quote(text)}{about}'
            context.annotations.warn(message, span)
    return layout


def _evaluate(layout: BucketLayout, vector: Vector, formula: _Formula) -> Vector:
    """`formula` of every histogram and step at which it has at least one bucket."""
    shape = (layout.labels.size, vector.steps)
    values, present = np.empty(shape), np.zeros(shape, np.bool_)
    slot_values, slot_present = layout.slot_values(vector)
    for histograms in layout.classes:
        buckets = len(histograms.upper_bounds)
        class_shape = (len(histograms.histograms), vector.steps)
        number = np.repeat(histograms.histograms, vector.steps)
        step = np.tile(np.arange(vector.steps), len(histograms.histograms))
        counts = slot_values[histograms.slots].reshape(buckets, -1)
        bounds = histograms.upper_bounds[:, None]
        if slot_present is None:
            cells = _Cells(counts, bounds, np.full(len(number), buckets), number, step)
            values[histograms.histograms] = formula(cells).reshape(class_shape)
            present[histograms.histograms] = True
            continue
        is_there = slot_present[histograms.slots].reshape(buckets, -1)
        sizes = is_there.sum(axis=0)
        present[histograms.histograms] = (sizes > 0).reshape(class_shape)
        result = np.empty(len(number))
        full, part = np.flatnonzero(sizes == buckets), np.flatnonzero((sizes > 0) & (sizes < buckets))
        if len(full):
            result[full] = formula(_Cells(counts[:, full], bounds, sizes[full], number[full], step[full]))
        if len(part):
            some_counts, some_bounds = packed(counts[:, part], histograms.upper_bounds, is_there[:, part])
            result[part] = formula(_Cells(some_counts, some_bounds, sizes[part], number[part], step[part]))
        values[histograms.histograms] = result.reshape(class_shape)
    return Vector(layout.labels, values, None if present.all() else present)


def _monotonic(
    cells: _Cells, told: Mask, layout: BucketLayout, span: Span, steps: Steps, context: QueryContext
) -> Values:
    """The counts, monotonic; repairs in the cells `told` (C,) are remarked on."""
    counts, repairs = make_monotonic(cells.counts, cells.bounds)
    if repairs is not None:
        _tell(cells, repairs, told, layout, span, steps, context)
    return counts


def _tell(
    cells: _Cells,
    repairs: Repairs,
    told: Mask,
    layout: BucketLayout,
    span: Span,
    steps: Steps,
    context: QueryContext,
) -> None:
    where = np.flatnonzero(repairs.forced & told & _is_complete(cells))
    names = np.array([""] * layout.labels.size, object)
    if context.features.promql_delayed_name_removal:
        names = np.array(layout.labels.column(METRIC_NAME).texts(), object)
    names_there = names[cells.histograms[where]]
    times_ms = steps.times_ms()[cells.steps[where]]
    for name in set(names_there.tolist()):
        mine = where[names_there == name]
        mine_ms = times_ms[names_there == name]
        repair = Repair(
            int(mine_ms.min()),
            int(mine_ms.max()),
            float(repairs.bucket_min[mine].min()),
            float(repairs.bucket_max[mine].max()),
            float(repairs.difference_max[mine].max()),
            len(mine),
        )
        context.annotations.inform_of_repair(name, span, repair)


def _is_complete(cells: _Cells) -> Mask:
    """Without a last bucket +Inf there is no quantile, and nothing is repaired for one."""
    complete: Mask = (np.broadcast_to(cells.bounds[-1], cells.sizes.shape) == np.inf) & (cells.sizes >= 2)
    return complete
