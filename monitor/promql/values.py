"""What the nodes of an expression evaluate to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.native_histograms import Histograms, are_histograms
from monitor.model.samples import Mask, Values


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """An instant vector at T steps: S series, each with at most one value a step.

    `values` (S, T); where `present` (S, T) is False there is no value (what stands in `values` is unspecified).
    `present` None: every cell has one. Rows stay even if they have no value at any step, so that everything
    derived from `labels` holds for all steps. Values and masks are never changed in place.
    """

    labels: LabelFrame
    values: Values
    present: Mask | None = None
    drops_name: Mask | None = None
    """(S,) series that lose their metric name when the query ends; only with delayed name removal."""
    histograms: Histograms | None = None
    """(S, T) where a value is a native histogram, that one; what stands in `values` then is unspecified."""

    @classmethod
    def empty(cls, steps: int) -> Vector:
        return cls(LabelFrame(0, {}), np.empty((0, steps)))

    @property
    def size(self) -> int:
        return self.labels.size

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    def mask(self) -> Mask:
        """`present`, spelled out."""
        return np.ones(self.values.shape, np.bool_) if self.present is None else self.present

    def filtered(self, keep: Mask) -> Vector:
        """With the cells of `keep` (S, T) only."""
        present = keep if self.present is None else self.present & keep
        return replace(self, present=present)

    def take(self, rows: Rows, labels: LabelFrame) -> Vector:
        """The series `rows` under other labels."""
        return Vector(
            labels,
            self.values[rows],
            None if self.present is None else self.present[rows],
            None if self.drops_name is None else self.drops_name[rows],
            None if self.histograms is None else self.histograms[rows],
        )

    def repeated(self, steps: int) -> Vector:
        """A vector of one step, the same at each of `steps`."""
        shape = (self.size, steps)
        present = None if self.present is None else np.broadcast_to(self.present, shape)
        histograms = None if self.histograms is None else np.broadcast_to(self.histograms, shape)
        return replace(self, values=np.broadcast_to(self.values, shape), present=present, histograms=histograms)

    def floats(self) -> Vector:
        """Without the histograms."""
        if self.histograms is None:
            return self
        return replace(self, present=self.mask() & ~are_histograms(self.histograms), histograms=None)

    def histogram_mask(self) -> Mask:
        """(S, T) where there is a histogram."""
        if self.histograms is None:
            return np.zeros(self.values.shape, np.bool_)
        return self.mask() & are_histograms(self.histograms)

    def any_present(self) -> Mask:
        """(S,) series that have a value at some step."""
        if self.present is None:
            return np.full(self.size, self.steps > 0)
        return np.asarray(self.present.any(axis=1))

    def present_steps(self) -> Mask:
        """(T,) steps at which some series has a value."""
        if self.present is None:
            return np.full(self.steps, self.size > 0)
        return np.asarray(self.present.any(axis=0))


def is_negative_zero(values: Values) -> Mask:
    return np.asarray((values == 0) & np.signbit(values))


Value = Vector | Values | str
"""An instant vector, a scalar for each step (T,), or a string."""
