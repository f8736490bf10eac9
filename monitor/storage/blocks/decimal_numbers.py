"""Samples that are decimals with few digits behind the point, as whole numbers: 12.07 seconds are 1207 hundredths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Values

Integers = NDArray[np.int64]

_DECIMALS_MAX = 9
"""Nanoseconds in seconds."""

_EXACT_BELOW = 2.0**53
_LOOKED_AT = 64


@dataclass(frozen=True, slots=True, eq=False)
class WholeNumbers:
    """`numbers` (S, T): the samples times 10 to the power of `decimals`."""

    numbers: Integers
    decimals: int


def whole_numbers(values: Values) -> WholeNumbers | None:
    """The samples (S, T) as whole numbers from which each comes back with every bit; None if they have none."""
    flat = values.reshape(-1)
    few = flat[:: max(1, len(flat) // _LOOKED_AT)]
    for decimals in range(_DECIMALS_MAX + 1):
        if _scaled(few, decimals) is not None:
            numbers = _scaled(values, decimals)
            if numbers is not None:
                return WholeNumbers(numbers, decimals)
    return None


def _scaled(values: Values, decimals: int) -> Integers | None:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * 10.0**decimals)
        if not (np.abs(scaled) < _EXACT_BELOW).all():
            return None
    numbers = scaled.astype(np.int64)
    is_same = decimal_values(numbers, decimals).view(np.int64) == values.view(np.int64)
    return numbers if is_same.all() else None


def decimal_values(numbers: Integers, decimals: int) -> Values:
    """What `whole_numbers` was made of. A division of exact numbers is correctly rounded, a product is not."""
    values = numbers.astype(np.float64)
    if decimals:
        values /= 10.0**decimals
    return values
