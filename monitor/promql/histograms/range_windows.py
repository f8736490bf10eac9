"""Windows of a series that has native histograms, and maybe floats between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from monitor.errors import Span
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import Histograms
from monitor.model.samples import Indices, Mask, Timestamps, Values
from monitor.promql.context import QueryContext
from monitor.promql.histograms.cells import as_objects
from monitor.promql.histograms.components import HistogramRun
from monitor.promql.ranges.range_vectors import RangeVector, SampleRuns
from monitor.promql.ranges.windows import Pieces
from monitor.promql.values import Vector


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The samples of one kind and their windows: at step t those from `first[t]` to `end[t]` - 1."""

    timestamps_ms: Timestamps
    first: Indices
    end: Indices

    @property
    def count(self) -> Indices:
        return self.end - self.first


@dataclass(frozen=True, slots=True, eq=False)
class SeriesWindows:
    """One series at T steps. Window t covers (`ends_ms[t]` - `range_ms`, `ends_ms[t]`]."""

    series: int
    name: str
    samples: Histograms
    values: Values
    histograms: Spans
    floats: Spans
    ends_ms: Timestamps
    range_ms: int

    @property
    def is_mixed(self) -> Mask:
        return np.asarray((self.histograms.count > 0) & (self.floats.count > 0))


@dataclass(frozen=True, slots=True, eq=False)
class RangeOutput:
    """The result (S, T) while it is put together, and where remarks go."""

    values: Values
    present: Mask
    histograms: Histograms
    span: Span
    context: QueryContext

    @classmethod
    def of(cls, floats: Vector, span: Span, context: QueryContext) -> RangeOutput:
        """To begin with, what the floats gave."""
        values = np.array(floats.values)
        return cls(values, floats.mask().copy(), np.full(values.shape, None, object), span, context)

    def vector(self, floats: Vector) -> Vector:
        return replace(floats, values=self.values, present=self.present, histograms=self.histograms)

    def warn(self, message: str) -> None:
        self.context.annotations.warn(message, self.span)

    def inform(self, message: str) -> None:
        self.context.annotations.inform(message, self.span)

    def put_numbers(self, series: int, where: Mask, values: Values) -> None:
        """`values` (T,) at the steps `where` (T,)."""
        self.values[series] = np.where(where, values, self.values[series])
        self.present[series] |= where

    def put_histograms(self, series: int, steps: Indices, histograms: list[object]) -> None:
        for step, histogram in zip(steps.tolist(), histograms, strict=True):
            self.histograms[series, step] = histogram
            self.present[series, step] = histogram is not None

    def drop(self, series: int, where: Mask) -> None:
        self.present[series] &= ~where


def series_windows(vector: RangeVector) -> Iterator[SeriesWindows]:
    """Of each series that has native histograms."""
    ends_ms = vector.ends.times_ms()
    names = vector.labels.column(METRIC_NAME)
    float_series = _series_with_floats(vector.pieces)
    for run in vector.histograms:
        times_ms, values = np.empty(0, np.int64), np.empty(0)
        if run.series in float_series:
            times_ms, values = _samples(vector.pieces, run.series)
        yield SeriesWindows(
            run.series,
            names.values[names.codes[run.series]],
            run.samples,
            values,
            _spans(run.timestamps_ms, ends_ms, vector.range_ms),
            _spans(times_ms, ends_ms, vector.range_ms),
            ends_ms,
            vector.range_ms,
        )


def _spans(timestamps_ms: Timestamps, ends_ms: Timestamps, range_ms: int) -> Spans:
    first = np.searchsorted(timestamps_ms, ends_ms - range_ms, side="right")
    return Spans(timestamps_ms, first, np.searchsorted(timestamps_ms, ends_ms, side="right"))


def _series_with_floats(pieces: Pieces) -> set[int]:
    rows = [*(piece.rows for piece in pieces.dense), *(piece.rows for piece in pieces.ragged)]
    return {series for of_piece in rows for series in of_piece.tolist()}


def _samples(pieces: Pieces, series: int) -> tuple[Timestamps, Values]:
    for piece in pieces.dense:
        found = np.flatnonzero(piece.rows == series)
        if len(found):
            return piece.timestamps_ms, piece.values[found[0]]
    for ragged in pieces.ragged:
        found = np.flatnonzero(ragged.rows == series)
        if len(found):
            start = int(ragged.sizes[: found[0]].sum())
            samples = slice(start, start + int(ragged.sizes[found[0]]))
            return ragged.timestamps_ms[samples], ragged.values[samples]
    raise AssertionError(f"BUG: got no samples of series {series}, want some")


def runs_of(vector: Vector, timestamps_ms: Timestamps) -> tuple[HistogramRun, ...]:
    """The histograms of a vector over steps as samples at these times."""
    if vector.histograms is None:
        return ()
    mask = vector.histogram_mask()
    rows = np.flatnonzero(mask.any(axis=1)).tolist()
    return tuple(HistogramRun(row, timestamps_ms[mask[row]], vector.histograms[row, mask[row]]) for row in rows)


def runs_with_histograms(vector: RangeVector, floats: SampleRuns) -> SampleRuns:
    """`floats`, which are the floats in the windows of a range vector of one step, and the histograms in them."""
    by_series = {windows.series: windows for windows in series_windows(vector)}
    order = vector.labels.order().tolist()
    float_rows = _rows_of(floats, vector, order)
    times, values, histograms, rows = [], [], [], []
    for series in order:
        windows = by_series.get(series)
        chosen = float_rows.get(series, slice(0, 0))
        found = [] if windows is None else _in_window(windows)
        own_ms = np.array([at_ms for at_ms, _ in found], np.int64)
        both_ms = np.concatenate([floats.timestamps_ms[chosen], own_ms])
        if not len(both_ms):
            continue
        sequence = np.argsort(both_ms, kind="stable")
        own = [None] * (len(both_ms) - len(found)) + [histogram for _, histogram in found]
        rows.append(series)
        times.append(both_ms[sequence])
        values.append(np.concatenate([floats.values[chosen], np.full(len(found), np.nan)])[sequence])
        histograms += [own[position] for position in sequence.tolist()]
    starts = np.cumsum([0, *map(len, times)])
    return SampleRuns(
        vector.labels.take(np.array(rows, np.intp)),
        starts,
        np.concatenate([np.empty(0, np.int64), *times]),
        np.concatenate([np.empty(0), *values]),
        as_objects(histograms, (len(histograms),)),
    )


def _in_window(windows: SeriesWindows) -> list[tuple[int, object]]:
    spans = windows.histograms
    chosen = slice(int(spans.first[0]), int(spans.end[0]))
    return list(zip(spans.timestamps_ms[chosen].tolist(), windows.samples[chosen].tolist(), strict=True))


def _rows_of(floats: SampleRuns, vector: RangeVector, order: list[int]) -> dict[int, slice]:
    """Where the samples of each series that has floats in its window are; both are sorted by labels."""
    wanted = floats.labels.all_labels()
    found: dict[int, slice] = {}
    position = 0
    for series in order:
        if position < len(wanted) and vector.labels.labels(series) == wanted[position]:
            found[series] = slice(int(floats.starts[position]), int(floats.starts[position + 1]))
            position += 1
    return found
