"""From the components that a store keeps to native histograms (see model/native_histograms)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.native_histograms import (
    COMPONENT_LABEL,
    BucketIndices,
    Component,
    Histograms,
    HistogramShape,
    NativeHistogram,
    Part,
    ResetHint,
    are_histograms,
    parse_component,
)
from monitor.model.samples import Indices, Timestamps, Values, is_absent, is_stale
from monitor.promql.histograms.arithmetic import with_hints_from_data
from monitor.storage.interfaces import Selection, Stripe

NOWHERE = -1
_HEAD_PARTS = (Part.COUNT, Part.SUM, Part.ZERO_COUNT)
_WASTE_MAX = 2
"""Series get the buckets of all others too, so that they have one shape, unless that makes them this much larger."""

Scale = tuple[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class HistogramRun:
    """The samples of one series: `samples` (N,) at `timestamps_ms` (N,); None stands for a stale marker."""

    series: int
    timestamps_ms: Timestamps
    samples: Histograms

    def without_stale(self) -> HistogramRun:
        kept = are_histograms(self.samples)
        return self if kept.all() else HistogramRun(self.series, self.timestamps_ms[kept], self.samples[kept])


@dataclass(frozen=True, slots=True, eq=False)
class ComponentRows:
    """The rows of a selection that make up one series at one scale. `buckets` are in the order of their rows."""

    series: int
    scale: Scale
    heads: dict[Part, int]
    negative: dict[int, int]
    positive: dict[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class SplitLabels:
    """A selection's rows told apart: floats are rows of their own, the others are components of histograms.

    `labels` are the series of both; the float row `float_rows[i]` is the series `float_series[i]`.
    """

    labels: LabelFrame
    float_rows: Rows
    float_series: Rows
    components: tuple[ComponentRows, ...]


def split_labels(labels: LabelFrame) -> SplitLabels | None:
    """None if all rows are floats."""
    column = labels.columns.get(COMPONENT_LABEL)
    if column is None or not column.codes.any():
        return None
    own = labels.drop([COMPONENT_LABEL])
    grouping = own.group()
    parsed = {code: parse_component(column.values[code]) for code in column.used().tolist()}
    groups: dict[tuple[int, Scale], ComponentRows] = {}
    for row in np.flatnonzero(column.codes).tolist():
        component = parsed[int(column.codes[row])]
        if component is not None:
            _add_row(groups, int(grouping.group[row]), component, row)
    float_rows = np.flatnonzero(column.codes == 0)
    series = own.take(grouping.first)
    return SplitLabels(series, float_rows, grouping.group[float_rows], tuple(groups.values()))


def _add_row(groups: dict[tuple[int, Scale], ComponentRows], series: int, component: Component, row: int) -> None:
    key = series, component.scale
    rows = groups.get(key)
    if rows is None:
        rows = groups[key] = ComponentRows(series, component.scale, {}, {}, {})
    if component.part is Part.NEGATIVE:
        rows.negative[component.bucket] = row
    elif component.part is Part.POSITIVE:
        rows.positive[component.bucket] = row
    else:
        rows.heads[component.part] = row


def float_stripes(selection: Selection, split: SplitLabels) -> tuple[Stripe, ...]:
    """The stripes without components; their rows are series of the split labels."""
    series = np.full(selection.labels.size, NOWHERE)
    series[split.float_rows] = split.float_series
    stripes = []
    for stripe in selection.stripes:
        kept = np.flatnonzero(series[stripe.rows] != NOWHERE)
        if len(kept):
            values = np.ascontiguousarray(stripe.values[kept])
            stripes.append(Stripe(series[stripe.rows[kept]], stripe.timestamps_ms, values, stripe.dense))
    return tuple(stripes)


def float_samples(stripes: Iterable[Stripe], series: int) -> tuple[Timestamps, Values]:
    """The samples of one series, stale markers included."""
    for stripe in stripes:
        rows = np.flatnonzero(stripe.rows == series)
        if len(rows):
            values = np.ascontiguousarray(stripe.values[rows[0]])
            there = ~is_absent(values)
            return stripe.timestamps_ms[there], values[there]
    return np.empty(0, np.int64), np.empty(0)


def read_runs(selection: Selection, split: SplitLabels, *, resets_told: bool = False) -> list[HistogramRun]:
    """The histograms of each series that has any, by series; with `resets_told` each says whether it is a reset."""
    table = _Table(selection)
    shapes = _Shapes(split.components)
    parts: dict[int, list[HistogramRun]] = {}
    for rows in split.components:
        run = _read_run(table, shapes, rows)
        if run is not None:
            parts.setdefault(rows.series, []).append(run)
    joined = [_joined(runs) for _, runs in sorted(parts.items())]
    return [_with_resets_told(run) for run in joined] if resets_told else joined


@dataclass(slots=True)
class _Table:
    """Where in the stripes of a selection its rows are."""

    selection: Selection
    stripe_of_row: Indices = field(init=False)
    place_of_row: Indices = field(init=False)

    def __post_init__(self) -> None:
        self.stripe_of_row = np.full(self.selection.labels.size, NOWHERE)
        self.place_of_row = np.full(self.selection.labels.size, NOWHERE)
        for number, stripe in enumerate(self.selection.stripes):
            self.stripe_of_row[stripe.rows] = number
            self.place_of_row[stripe.rows] = np.arange(len(stripe.rows))

    def column(self, row: int) -> tuple[Timestamps, Values] | None:
        """Timestamps and cells of one row, absent ones included."""
        number = int(self.stripe_of_row[row])
        if number == NOWHERE:
            return None
        stripe = self.selection.stripes[number]
        return stripe.timestamps_ms, stripe.values[self.place_of_row[row]]

    def matrix(self, rows: Indices, times_ms: Timestamps) -> Values:
        """(N, K) the cells of K rows at N instants; 0 where there is none. NOWHERE is a row of zeros."""
        result = np.zeros((len(times_ms), len(rows)))
        stripes = np.where(rows == NOWHERE, NOWHERE, self.stripe_of_row[rows])
        for number in np.unique(stripes[stripes != NOWHERE]).tolist():
            stripe, columns = self.selection.stripes[number], np.flatnonzero(stripes == number)
            places = self.place_of_row[rows[columns]]
            at = np.searchsorted(stripe.timestamps_ms, times_ms)
            at = np.minimum(at, len(stripe.timestamps_ms) - 1)
            cells = np.ascontiguousarray(stripe.values[places[:, None], at].T)
            missing = (stripe.timestamps_ms[at] != times_ms)[:, None] | is_absent(cells) | is_stale(cells)
            result[:, columns] = np.where(missing, 0.0, cells)
        return result


class _Shapes:
    """One shape for all series of a scale, where that wastes little."""

    def __init__(self, components: Sequence[ComponentRows]) -> None:
        self._buckets: dict[Scale, tuple[BucketIndices, BucketIndices]] = {}
        self._shapes: dict[tuple[Any, ...], HistogramShape] = {}
        buckets: dict[Scale, tuple[set[int], set[int]]] = {}
        for rows in components:
            negative, positive = buckets.setdefault(rows.scale, (set(), set()))
            negative.update(rows.negative)
            positive.update(rows.positive)
        self._buckets = {scale: (_sorted(both[0]), _sorted(both[1])) for scale, both in buckets.items()}

    def buckets(self, rows: ComponentRows) -> tuple[BucketIndices, BucketIndices]:
        negative, positive = self._buckets[rows.scale]
        own = len(rows.negative) + len(rows.positive)
        if len(negative) + len(positive) <= _WASTE_MAX * own + len(_HEAD_PARTS):
            return negative, positive
        return _sorted(rows.negative), _sorted(rows.positive)

    def shape(self, scale: Scale, threshold: float, negative: BucketIndices, positive: BucketIndices) -> HistogramShape:
        key = (scale, threshold, negative.tobytes(), positive.tobytes())
        known = self._shapes.get(key)
        if known is None:
            known = self._shapes[key] = HistogramShape(scale[0], threshold, scale[1], negative, positive)
        return known


def _sorted(buckets: Iterable[int]) -> BucketIndices:
    return np.array(sorted(buckets), np.int64)


def _read_run(table: _Table, shapes: _Shapes, rows: ComponentRows) -> HistogramRun | None:
    counts = table.column(rows.heads.get(Part.COUNT, NOWHERE)) if Part.COUNT in rows.heads else None
    if counts is None:
        return None
    cells = np.ascontiguousarray(counts[1])
    there = np.flatnonzero(~is_absent(cells))
    times_ms, stale = counts[0][there], is_stale(cells[there])
    negative, positive = shapes.buckets(rows)
    columns = [rows.heads.get(part, NOWHERE) for part in _HEAD_PARTS]
    columns += [rows.negative.get(bucket, NOWHERE) for bucket in negative.tolist()]
    columns += [rows.positive.get(bucket, NOWHERE) for bucket in positive.tolist()]
    matrix = table.matrix(np.array(columns), times_ms)
    besides = [rows.heads.get(part, NOWHERE) for part in (Part.ZERO_THRESHOLD, Part.HINT)]
    thresholds, hints = table.matrix(np.array(besides), times_ms).T
    # What senders say of resets holds for what they sent before; here the data decide.
    by_gauge = (ResetHint.UNKNOWN, ResetHint.GAUGE)
    is_gauge = (hints == ResetHint.GAUGE).tolist()
    samples = np.full(len(times_ms), None, object)
    for threshold in np.unique(thresholds).tolist():
        shape = shapes.shape(rows.scale, threshold, negative, positive)
        for number in np.flatnonzero(~stale & (thresholds == threshold)).tolist():
            samples[number] = NativeHistogram(shape, matrix[number], by_gauge[is_gauge[number]])
    return HistogramRun(rows.series, times_ms, samples)


def _with_resets_told(run: HistogramRun) -> HistogramRun:
    samples = run.samples.copy()
    there = are_histograms(samples)
    samples[there] = with_hints_from_data(samples[there].tolist())
    return HistogramRun(run.series, run.timestamps_ms, samples)


def _joined(runs: Sequence[HistogramRun]) -> HistogramRun:
    """One run of several scales; where one ends with a stale marker as the other begins, there is no marker."""
    if len(runs) == 1:
        return runs[0]
    times_ms = np.concatenate([run.timestamps_ms for run in runs])
    samples = np.concatenate([run.samples for run in runs])
    is_marker = ~are_histograms(samples)
    order = np.lexsort((is_marker, times_ms))
    times_ms, samples = times_ms[order], samples[order]
    first = np.ones(len(times_ms), np.bool_)
    first[1:] = times_ms[1:] != times_ms[:-1]
    return HistogramRun(runs[0].series, times_ms[first], samples[first])
