"""Quantiles: of a histogram's buckets, and of requests that were sent at fixed times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise


def bucket_quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """Linear inside of a bucket, as histogram_quantile is. `buckets`: cumulative counts by upper bound, ascending.

    None without requests; the highest finite bound if the quantile is above it.
    """
    total = max(buckets.values(), default=0.0)
    if total <= 0:
        return None
    rank, lower, below = q * total, 0.0, 0.0
    for bound, count in buckets.items():
        if count >= rank and count > below:
            return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower


def bucket_width(bounds: Sequence[float], value: float) -> float:
    """How wide the bucket is that holds `value`; that of the last finite one if it is above all. 0 without bounds."""
    finite = [0.0, *sorted(bound for bound in bounds if not math.isinf(bound))]
    for lower, upper in pairwise(finite):
        if value <= upper:
            return upper - lower
    return finite[-1] - finite[-2] if len(finite) > 1 else 0.0


def closed_loop_quantile(values: Sequence[float], cycles: Sequence[float], q: float) -> float | None:
    """What a closed loop sees where somebody who asks at fixed times has seen `values`. None without values.

    A connection that sends its next request when it has the answer sends few while answers are slow: a moment at which
    its cycle takes c is counted 1 / c times (length-biased sampling; the other side of coordinated omission).
    `cycles` (N,) are those of `values` (N,), each more than 0.
    """
    weighted = sorted((value, 1.0 / cycle) for value, cycle in zip(values, cycles, strict=True))
    rank, seen = q * math.fsum(weight for _, weight in weighted), 0.0
    for value, weight in weighted:
        seen += weight
        if seen >= rank:
            return value
    return weighted[-1][0] if weighted else None
