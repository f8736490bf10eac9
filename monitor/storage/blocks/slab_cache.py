"""Decoded slabs, the most recently used ones, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Decoded = TypeVar("Decoded", bound=NDArray[Any])


ADMITTED_ONE_OF = 4
_INT32_MAX = 2**31 - 1


class SlabCache:
    """Safe for several threads. What is in it is read-only.

    When it is full, one of ADMITTED_ONE_OF new arrays is taken in: a query over more than fits leaves most of it as it
    was, and finds much of its own the next time, instead of nothing.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = self.hits = self.misses = 0
        self._arrays: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._refused = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, decode: Callable[[], Decoded]) -> Decoded:
        """The array under `key`, decoded now if it is not there."""
        with self._lock:
            found = self._arrays.get(key)
            if found is not None:
                self._arrays.move_to_end(key)
                self.hits += 1
                return cast("Decoded", found)
            self.misses += 1
        array = decode()
        with self._lock:
            if key not in self._arrays and self._is_admitted(array.nbytes):
                self._arrays[key] = array
                self.bytes += array.nbytes
            while self.bytes > self.bytes_max:
                _, oldest = self._arrays.popitem(last=False)
                self.bytes -= oldest.nbytes
        return array

    def get_packed(self, key: Hashable, decode: Callable[[], NDArray[np.float64]]) -> NDArray[Any]:
        """As `get`, but numbers that are whole and fit are kept as int32, which is half of it. Counters mostly are."""
        return self.get(key, lambda: _packed(decode()))

    def _is_admitted(self, size_bytes: int) -> bool:
        if self.bytes + size_bytes <= self.bytes_max:
            return True
        self._refused = (self._refused + 1) % ADMITTED_ONE_OF
        return self._refused == 0 and size_bytes <= self.bytes_max


def _packed(values: NDArray[np.float64]) -> NDArray[Any]:
    """The same numbers as int32 if they are whole, not negative (-0 is not) and fit."""
    highest = values.max(initial=0)
    if not highest <= _INT32_MAX or values.view(np.int64).min(initial=0) < 0:
        return values
    packed = values.astype(np.int32)
    if not (packed == values).all():
        return values
    packed.flags.writeable = False
    return packed
