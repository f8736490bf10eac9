"""The value of a PromQL node over all steps at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.native_histograms import Histograms
from monitor.model.samples import Mask, Values


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """S series over T steps.

    `values` (S, T) float64; a cell where `present` (S, T) is False holds no value at all (what stands there is
    unspecified), which is not the same as a NaN. `present` None means that every cell is there.
    """

    labels: LabelFrame
    values: Values
    present: Mask | None = None
    histograms: Histograms | None = None
    """(S, T) where a value is a native histogram, that one, and NaN in `values`."""

    @classmethod
    def empty(cls, steps: int) -> Frame:
        return cls(LabelFrame(0, {}), np.empty((0, steps)))

    @property
    def series(self) -> int:
        return self.labels.size

    def mask(self) -> Mask:
        """`present`, spelled out."""
        if self.present is None:
            return np.ones(self.values.shape, np.bool_)
        return self.present

    def take(self, rows: Rows) -> Frame:
        present = None if self.present is None else self.present[rows]
        histograms = None if self.histograms is None else self.histograms[rows]
        return Frame(self.labels.take(rows), self.values[rows], present, histograms)

    def compact(self) -> Frame:
        """Without the series that have no value at any step, and with `present` None where nothing is missing."""
        if self.present is None:
            return self
        if self.present.all():
            return Frame(self.labels, self.values, None, self.histograms)
        rows = np.flatnonzero(self.present.any(axis=1))
        return self if len(rows) == self.series else self.take(rows)
