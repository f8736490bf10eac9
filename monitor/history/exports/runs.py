"""Samples on their way out: series by series, laid end to end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.model.samples import Indices, Mask, Timestamps, Values, is_absent
from monitor.storage.interfaces import Selection


@dataclass(frozen=True, slots=True, eq=False)
class SeriesRuns:
    """S series: the samples of series s stand at `starts[s]` to `starts[s + 1]`; `starts` has S + 1 entries.

    Each has at least one. Their values may be stale markers.
    """

    labels: LabelFrame
    starts: Indices
    timestamps_ms: Timestamps
    values: Values


def runs_of(selection: Selection) -> SeriesRuns:
    """The series of a selection that have samples."""
    rows = [np.empty(0, np.intp)]
    counts = [np.empty(0, np.intp)]
    times, values = [np.empty(0, np.int64)], [np.empty(0, np.float64)]
    for stripe in selection.stripes:
        matrix = np.broadcast_to(stripe.timestamps_ms, stripe.values.shape)
        if stripe.dense:
            present_counts = np.full(len(stripe.rows), stripe.values.shape[1])
            times.append(matrix.reshape(-1))
            values.append(stripe.values.reshape(-1))
        else:
            is_present = ~is_absent(stripe.values)
            present_counts = is_present.sum(axis=1)
            times.append(matrix[is_present])
            values.append(stripe.values[is_present])
        rows.append(stripe.rows[present_counts > 0])
        counts.append(present_counts[present_counts > 0])
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.intp)
    labels = selection.labels.take(np.concatenate(rows))
    return SeriesRuns(labels, starts, np.concatenate(times), np.concatenate(values))


def runs_of_matrix(labels: LabelFrame, times_ms: Timestamps, values: Values, is_present: Mask | None) -> SeriesRuns:
    """S series over T steps: `values` (S, T), and `is_present` (S, T) or None where all are."""
    matrix = np.broadcast_to(times_ms, values.shape)
    if is_present is None:
        starts = np.arange(labels.size + 1) * len(times_ms)
        return SeriesRuns(labels, starts, matrix.reshape(-1), np.ascontiguousarray(values).reshape(-1))
    counts = is_present.sum(axis=1)
    kept = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.intp)
    return SeriesRuns(labels.take(kept), starts, matrix[is_present], values[is_present])
