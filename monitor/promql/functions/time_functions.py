"""Calendar functions of seconds since 1970, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Timestamps, Values

Integers = NDArray[np.int64]

_DAY_SECONDS = 86_400
_WEEKDAY_OF_DAY_0 = 4
"""1970-01-01 was a Thursday; Sunday is 0."""
_BEYOND_SECONDS = 2**63
"""What has no int64 becomes the smallest one on amd64, which Go's time package takes for this."""


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """Days since 1970 and the second of the day, the same shape."""

    days: Integers
    seconds: Integers

    @classmethod
    def of_times(cls, timestamps_ms: Timestamps) -> Instants:
        seconds = timestamps_ms // 1000
        return cls(seconds // _DAY_SECONDS, seconds % _DAY_SECONDS)

    @classmethod
    def of_values(cls, values: Values) -> Instants:
        """From seconds, cut off towards zero. NaN, infinities and what is beyond an int64 are one and the same."""
        is_representable = np.abs(values) < _BEYOND_SECONDS
        seconds = np.where(is_representable, values, 0.0).astype(np.int64)
        beyond = divmod(_BEYOND_SECONDS, _DAY_SECONDS)
        return cls(
            np.where(is_representable, seconds // _DAY_SECONDS, beyond[0]),
            np.where(is_representable, seconds % _DAY_SECONDS, beyond[1]),
        )

    def dates(self) -> NDArray[np.datetime64]:
        return self.days.astype("datetime64[D]")

    def months(self) -> NDArray[np.datetime64]:
        return self.dates().astype("datetime64[M]")

    def years(self) -> NDArray[np.datetime64]:
        return self.dates().astype("datetime64[Y]")


def _days_since(first: NDArray[np.datetime64], at: NDArray[np.datetime64]) -> Integers:
    return np.asarray((at - first.astype("datetime64[D]")).astype(np.int64))


def _minute(at: Instants) -> Integers:
    return at.seconds % 3600 // 60


def _hour(at: Instants) -> Integers:
    return at.seconds // 3600


def _day_of_week(at: Instants) -> Integers:
    return (at.days + _WEEKDAY_OF_DAY_0) % 7


def _day_of_month(at: Instants) -> Integers:
    return _days_since(at.months(), at.dates()) + 1


def _day_of_year(at: Instants) -> Integers:
    return _days_since(at.years(), at.dates()) + 1


def _days_in_month(at: Instants) -> Integers:
    return _days_since(at.months(), (at.months() + 1).astype("datetime64[D]"))


def _month(at: Instants) -> Integers:
    return at.months().astype(np.int64) % 12 + 1


def _year(at: Instants) -> Integers:
    return at.years().astype(np.int64) + 1970


CALENDAR: Mapping[str, Callable[[Instants], Integers]] = MappingProxyType(
    {
        "day_of_month": _day_of_month,
        "day_of_week": _day_of_week,
        "day_of_year": _day_of_year,
        "days_in_month": _days_in_month,
        "hour": _hour,
        "minute": _minute,
        "month": _month,
        "year": _year,
    }
)
