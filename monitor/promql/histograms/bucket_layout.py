"""Which series are the buckets of one classic histogram: the part that needs labels only."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows, group_codes
from monitor.model.samples import Mask, Values
from monitor.promql.values import Vector

BUCKET_LABEL = "le"
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True, eq=False)
class HistogramClass:
    """C histograms with the same B upper bounds, ascending."""

    histograms: Rows
    """(C,) their numbers in the layout."""
    upper_bounds: Values
    """(B,)"""
    slots: Rows
    """(B, C) where in the layout's slots their buckets are."""


@dataclass(frozen=True, slots=True, eq=False)
class BucketLayout:
    """H histograms among the series of a vector. A slot is one bucket of one histogram.

    Several series may fill one slot, if their `le` is spelled differently.
    """

    labels: LabelFrame
    """Of the histograms, without `le`."""
    rows: Rows
    """Series by slot."""
    slot_starts: Rows
    """(slots,) where in `rows` a slot begins."""
    classes: tuple[HistogramClass, ...]
    bad_rows: Rows
    """Series whose `le` is not a number."""

    def slot_values(self, vector: Vector) -> tuple[Values, Mask | None]:
        """The counts (slots, T), and where there are any; None: everywhere."""
        values = vector.values[self.rows]
        present = None if vector.present is None else vector.present[self.rows]
        if len(self.slot_starts) == len(self.rows):
            return values, present
        if present is None:
            return np.add.reduceat(values, self.slot_starts, axis=0), None
        summed = np.add.reduceat(np.where(present, values, 0.0), self.slot_starts, axis=0)
        return summed, np.logical_or.reduceat(present, self.slot_starts, axis=0)


def find_buckets(labels: LabelFrame) -> BucketLayout:
    column = labels.column(BUCKET_LABEL)
    used = column.used()
    bound_of_used = np.array([_upper_bound(column.values[code]) for code in used.tolist()])
    is_bad_used = np.array([not _NUMBER.fullmatch(column.values[code]) for code in used.tolist()], np.bool_)
    position = np.searchsorted(used, column.codes)
    is_bad = is_bad_used[position]
    good = np.flatnonzero(~is_bad)
    bounds = bound_of_used[position[good]]
    others = labels.drop([BUCKET_LABEL])
    grouping = group_codes(len(good), [column.codes[good] for column in others.columns.values()])
    order = np.lexsort((bounds, grouping.group))
    group, bounds = grouping.group[order], bounds[order]
    is_new = np.ones(len(good), np.bool_)
    is_new[1:] = (group[1:] != group[:-1]) | (bounds[1:] != bounds[:-1])
    starts = np.flatnonzero(is_new)
    classes = _classes(group[starts], bounds[starts])
    return BucketLayout(others.take(good[grouping.first]), good[order], starts, classes, np.flatnonzero(is_bad))


def _upper_bound(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def _classes(histogram_of_slot: Rows, bounds: Values) -> tuple[HistogramClass, ...]:
    """Histograms with the same bounds together; slots stand by histogram and, within it, by bound."""
    if not len(bounds):
        return ()
    begins = np.flatnonzero(np.diff(histogram_of_slot, prepend=-1))
    members: dict[bytes, list[int]] = {}
    stops = [*begins[1:].tolist(), len(bounds)]
    for histogram, (begin, stop) in enumerate(zip(begins.tolist(), stops, strict=True)):
        members.setdefault(bounds[begin:stop].tobytes(), []).append(histogram)
    return tuple(
        HistogramClass(
            np.array(histograms, np.intp),
            np.frombuffer(key),
            begins[histograms] + np.arange(len(key) // bounds.itemsize)[:, None],
        )
        for key, histograms in members.items()
    )
