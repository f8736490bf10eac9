"""Variances of groups of series at each step."""

from __future__ import annotations

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.samples import Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.values import Vector

_SPREAD_MIN = 1e-6
"""Below this ratio of variance to squared mean upstream's running variance loses more than 6 of its 16 digits."""


def group_variances(groups: Groups, vector: Vector) -> Values:
    """The population variance (G, T); NaN if a value is not finite, exactly 0 if all are equal.

    In two passes, relative to the least value. Where that is more exact than upstream, as upstream does it: it is
    that answer which alert rules have been written against.
    """
    counts = groups.count(vector.present, vector.steps).astype(np.float64)
    values = vector.values if vector.present is None else np.where(vector.present, vector.values, np.nan)
    least = groups.reduce(np.fmin, values)
    shifted = values - least[groups.group]
    if vector.present is not None:
        shifted[~vector.present] = 0.0
    mean = groups.reduce(np.add, shifted) / counts
    deviations = shifted - mean[groups.group]
    if vector.present is not None:
        deviations[~vector.present] = 0.0
    variances = groups.reduce(np.add, deviations * deviations) / counts
    center = mean + least
    narrow = (variances > 0) & (variances < _SPREAD_MIN * center * center)
    chosen = np.flatnonzero(narrow.any(axis=1))
    if len(chosen):
        variances[chosen] = np.where(narrow[chosen], _running_variances(groups, vector, chosen), variances[chosen])
    return variances


def _running_variances(groups: Groups, vector: Vector, chosen: Rows) -> Values:
    """Of the `chosen` groups only, by Welford's algorithm, row after row."""
    values, present = groups.sorted(vector.values), groups.sorted(vector.mask())
    starts = groups.starts[chosen]
    sizes = groups.sizes[chosen]
    count, mean, squares = (np.zeros((len(chosen), vector.steps)) for _ in range(3))
    for position in range(int(sizes.max())):
        rows = np.minimum(starts + position, len(values) - 1)
        is_there = present[rows] & (sizes > position)[:, None]
        count = count + is_there
        delta = values[rows] - mean
        new_mean = mean + delta / count
        squares = np.where(is_there, squares + delta * (values[rows] - new_mean), squares)
        mean = np.where(is_there, new_mean, mean)
    return squares / count
