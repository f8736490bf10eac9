"""What a target exposes, as a list of samples, and the numbers that it exposed last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelColumn, LabelFrame, Rows
from monitor.model.samples import Timestamps, Values
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat, MetricType
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.vocabulary.canonical_rows import CanonicalKey, CanonicalRows, new_canonical_rows

SPARE_CELLS = 8
"""Cells behind the values of a row, for the series that report on the scrape."""


@dataclass(frozen=True, slots=True, eq=False)
class ExposedSeries:
    """The series of N samples as a body gives them; one may be there twice.

    `labels` (N,) have no target labels; `types` (N,) are the types in force at each. `continued` are the rows whose
    text began on an earlier line, `blanks` by label name the rows that give the label as empty.
    """

    labels: LabelFrame
    types: tuple[MetricType, ...]
    continued: frozenset[int]
    blanks: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True, eq=False)
class HistogramCells:
    """The C cells of N samples of which some are native histograms (monitor/model/native_histograms.py).

    `samples` (C,) is the sample of each cell, ascending; `components` (C,) are the texts of COMPONENT_LABEL, none for
    the cell of a float. The first `plain_floats` samples are floats without a timestamp of their own.
    """

    samples: Rows
    components: LabelColumn
    plain_floats: int


class Layout:
    """P plain samples and Q stamped ones (with a timestamp of their own), in body order each: N = P + Q.

    `keys` (N,) tell the series of a target apart, in all its layouts. A float has one cell and a native histogram
    several, C in all, in the order of the samples; `histograms` is None where there are only floats. `values`
    (C + SPARE_CELLS,) and `timestamps_ms` (of the stamped cells) hold what was read last: many targets may share a
    layout, so use them before the next read. `lines` is how much memory it takes, in lines of a text; only bodies with
    the same `fits_like` may fit. It is not shared unless it `is_reusable`.
    """

    __slots__ = (
        "__weakref__",
        "_canonical",
        "_with_extra",
        "fits_like",
        "format",
        "histograms",
        "is_reusable",
        "keys",
        "lines",
        "metadata",
        "plain_cells",
        "plain_samples",
        "series",
        "size",
        "timestamps_ms",
        "values",
    )

    def __init__(
        self,
        exposition_format: ExpositionFormat,
        lines: int,
        keys: list[bytes],
        plain_samples: int,
        series: ExposedSeries,
        metadata: tuple[FamilyMetadata, ...],
        histograms: HistogramCells | None = None,
    ) -> None:
        self.format = exposition_format
        self.lines = self.fits_like = lines
        self.is_reusable = True
        self.keys = keys
        self.series = series
        self.metadata = metadata
        self.histograms = histograms
        self.size = series.labels.size
        self.plain_samples = plain_samples
        self.plain_cells = plain_samples
        cells = self.size
        if histograms is not None:
            cells = len(histograms.samples)
            self.plain_cells = int(np.searchsorted(histograms.samples, plain_samples))
        self._with_extra: dict[LabelFrame, LabelFrame] = {}
        self._canonical: dict[CanonicalKey, CanonicalRows] = {}
        self.values: Values = np.empty(cells + SPARE_CELLS)
        self.timestamps_ms: Timestamps = np.empty(cells - self.plain_cells, np.int64)

    @property
    def cells(self) -> int:
        """C."""
        return len(self.values) - SPARE_CELLS

    def cells_of(self, samples: Rows) -> Rows:
        """The cells of `samples`, which ascend."""
        return samples if self.histograms is None else np.flatnonzero(np.isin(self.histograms.samples, samples))

    def samples_of(self, cells: Rows) -> Rows:
        """The sample of each of `cells`."""
        return cells if self.histograms is None else self.histograms.samples[cells]

    def cells_per_sample(self) -> NDArray[np.intp]:
        """(N,)"""
        if self.histograms is None:
            return np.ones(self.size, np.intp)
        return np.bincount(self.histograms.samples, minlength=self.size)

    def labels_with(self, extra: LabelFrame) -> LabelFrame:
        """The labels of the series and behind them `extra`: one object for each `extra`, which targets share."""
        joined = self._with_extra.get(extra)
        if joined is None:
            joined = self._with_extra[extra] = LabelFrame.concat([self.series.labels, extra])
            own = {
                name: LabelColumn(column.codes[: self.size], column.values) for name, column in joined.columns.items()
            }
            self.series = replace(self.series, labels=LabelFrame(self.size, own))
        return joined

    def canonical(self, key: CanonicalKey) -> CanonicalRows:
        """What the plain floats are called in a vocabulary: one object for each `key`, which targets share."""
        rows = self._canonical.get(key)
        if rows is None:
            floats = self.plain_samples if self.histograms is None else self.histograms.plain_floats
            rows = self._canonical[key] = new_canonical_rows(key, self.series.labels, floats)
        return rows
