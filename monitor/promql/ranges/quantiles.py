"""Quantiles of sets of values (promql/quantile.go upstream)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Indices, Values


def sorted_quantile(samples: NDArray[np.floating], count: Indices, quantile: Values) -> Values:
    """The quantile (C,) of the first `count` (C,) of the samples (C, W) of each row; changes `samples`.

    Behind them the rows must hold NaN. Between two samples it interpolates. A NaN among the samples sorts below
    everything else. NaN for NaN or without samples, -Inf for a quantile below 0, +Inf for one above 1.
    """
    nan_count = count - (~np.isnan(samples)).sum(axis=1)
    samples.sort(axis=1)
    rank = quantile * (count - 1)
    lower = np.maximum(np.floor(rank), 0)
    upper = np.minimum(lower + 1, count - 1)
    weight = rank - np.floor(rank)
    result = _ranked(samples, lower, nan_count) * (1 - weight) + _ranked(samples, upper, nan_count) * weight
    return out_of_range(np.where(count > 0, result, np.nan), quantile)


def out_of_range(values: Values, quantile: Values) -> Values:
    """`values`, but the conventional answer where `quantile` (broadcastable) is NaN, below 0 or above 1."""
    special = np.isnan(quantile) | (quantile < 0) | (quantile > 1)
    if not special.any():
        return values
    answers = np.where(np.isnan(quantile), np.nan, np.where(quantile < 0, -np.inf, np.inf))
    return np.where(special, answers, values)


def _ranked(samples: NDArray[np.floating], rank: Values, nan_count: Indices) -> Values:
    """The samples (C,) of a rank (C,), where `nan_count` NaNs come first. `samples` (C, W) are sorted, NaN last."""
    position = np.nan_to_num(rank, nan=0.0, posinf=0.0, neginf=0.0).astype(np.intp) - nan_count
    clipped = position.clip(0, samples.shape[1] - 1)
    values = samples[np.arange(len(samples)), clipped]
    return np.where(position < 0, np.nan, values)
