"""Samples that are decimals with few digits behind the point, as whole numbers: 12.07 seconds are 1207 hundredths.

What was summed up or multiplied in floating point is often some last bits beside a decimal: 71 · 0.001 is not 0.071.
Such samples are whole numbers and small corrections.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Values

Integers = NDArray[np.int64]

_DECIMALS_MAX = 9
"""Nanoseconds in seconds."""
_POWERS = np.array([10.0**decimals for decimals in range(_DECIMALS_MAX + 1)])

_EXACT_BELOW = 2.0**53
_LOOKED_AT = 64
_CORRECTION_MAX = 100
"""Sums drift away from decimals; folded, this is still one byte."""
_NEAR_BELOW = 2.0**45
"""Decimals of larger numbers are so dense that any sample is near one."""


@dataclass(frozen=True, slots=True, eq=False)
class WholeNumbers:
    """`numbers` (S, T): the samples times 10 to the power of `decimals`.

    `corrections` (S, T) says by how many float64 each sample lies beyond that decimal; None if by none.
    """

    numbers: Integers
    decimals: int
    corrections: Integers | None = None


def whole_numbers(values: Values) -> WholeNumbers | None:
    """The samples (S, T) as whole numbers from which each comes back with every bit; None if they have none."""
    flat = values.reshape(-1)
    exact, near = _promising(flat[:: max(1, len(flat) // _LOOKED_AT)])
    tried = chain((_exact(values, decimals) for decimals in exact), (_near(values, decimals) for decimals in near))
    return next((whole for whole in tried if whole is not None), None)


def _promising(few: Values) -> tuple[list[int], list[int]]:
    """Powers of ten, ascending, that make whole numbers of a few samples (N,): exact ones, and near ones."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(few * _POWERS[:, None])
        greatest = np.abs(scaled).max(axis=1)
        corrections = np.abs(_bits(scaled / _POWERS[:, None]) - _bits(few)).max(axis=1)
    is_exact = (greatest < _EXACT_BELOW) & (corrections == 0)
    is_near = (greatest < _NEAR_BELOW) & (corrections <= _CORRECTION_MAX)
    return np.flatnonzero(is_exact).tolist(), np.flatnonzero(is_near).tolist()


def _exact(values: Values, decimals: int) -> WholeNumbers | None:
    numbers = _rounded(values, decimals, _EXACT_BELOW)
    if numbers is None or not (_bits(decimal_values(numbers, decimals)) == _bits(values)).all():
        return None
    return WholeNumbers(numbers, decimals)


def _near(values: Values, decimals: int) -> WholeNumbers | None:
    numbers = _rounded(values, decimals, _NEAR_BELOW)
    if numbers is None:
        return None
    corrections = _bits(values) - _bits(decimal_values(numbers, decimals))
    is_near = (corrections <= _CORRECTION_MAX) & (corrections >= -_CORRECTION_MAX)
    return WholeNumbers(numbers, decimals, corrections) if is_near.all() else None


def _rounded(values: Values, decimals: int, limit: float) -> Integers | None:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * 10.0**decimals)
        if not (np.abs(scaled) < limit).all():
            return None
    return scaled.astype(np.int64)


def decimal_values(numbers: Integers, decimals: int) -> Values:
    """Exact whole numbers again as decimals. A division of exact numbers is correctly rounded, a product is not."""
    values = numbers.astype(np.float64)
    if decimals:
        values /= 10.0**decimals
    return values


def corrected(values: Values, corrections: Integers) -> Values:
    """Each value as many float64 further on as its correction says."""
    return (_bits(values) + corrections).view(np.float64)


def _bits(values: Values) -> Integers:
    return values.view(np.int64)
