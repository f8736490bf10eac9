"""Samples, and the two bit patterns that are not numbers.

A float64 with the bits STALE_BITS says "this series ended here" (Prometheus's stale marker, kept on the wire and
on disk). ABSENT_BITS is ours and never leaves the process: a cell of a matrix in which its series has no sample at
that row's timestamp. Both are NaNs, so arithmetic never mistakes them for data; an ordinary NaN is a value like others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Timestamps = NDArray[np.int64]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

STALE_BITS = np.uint64(0x7FF0000000000002)
ABSENT_BITS = np.uint64(0x7FF00000000000AB)
STALE = float(np.array([STALE_BITS]).view(np.float64)[0])
ABSENT = float(np.array([ABSENT_BITS]).view(np.float64)[0])


def is_stale(values: Values) -> Mask:
    """Where `values` hold the stale marker; same shape. `values` must be contiguous."""
    mask: Mask = values.view(np.uint64) == STALE_BITS
    return mask


def is_absent(values: Values) -> Mask:
    """Where `values` hold no sample; same shape. `values` must be contiguous."""
    mask: Mask = values.view(np.uint64) == ABSENT_BITS
    return mask


def has_gaps(values: Values) -> bool:
    """Whether any cell is a stale marker or absent."""
    if not np.isnan(values).any():
        return False
    bits = np.ascontiguousarray(values).view(np.uint64)
    return bool(((bits == STALE_BITS) | (bits == ABSENT_BITS)).any())


def spans(starts: Indices, sizes: Indices) -> Indices:
    """The positions starts[0], starts[0] + 1, … of each span, one span after the other."""
    ends = np.cumsum(sizes)
    result: Indices = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
    return result
