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
_REFUSED_PART = 2
"""Arrays of one such part of the cache's size are remembered as refused."""
_REFUSED_BYTES_MIN = 1_024
"""What an array counts at least then, so that there are not too many of them."""
_PACKED = tuple((np.iinfo(kind).max, np.dtype(kind)) for kind in (np.uint8, np.uint16, np.int32))
"""From the smallest on; NumPy makes float64 of any of them while it copies."""


class SlabCache:
    """Safe for several threads. What is in it is read-only.

    When it is full, one of ADMITTED_ONE_OF new arrays is taken in: a query over more than fits leaves most of it as it
    was, and finds much of its own the next time, instead of nothing. What is asked for again soon is taken in then.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = self.hits = self.misses = 0
        self._arrays: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._turn = 0
        self._refused: OrderedDict[int, int] = OrderedDict()
        """How many bytes were refused last, by the hashes of their keys."""
        self._refused_bytes = 0
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
            if key not in self._arrays and self._is_admitted(key, array.nbytes):
                self._arrays[key] = array
                self.bytes += array.nbytes
            while self.bytes > self.bytes_max:
                _, oldest = self._arrays.popitem(last=False)
                self.bytes -= oldest.nbytes
        return array

    def get_packed(self, key: Hashable, decode: Callable[[], NDArray[np.float64]]) -> NDArray[Any]:
        """As `get`, but numbers that are whole and fit are kept in a half to an eighth of it, as counters mostly do."""
        return self.get(key, lambda: _packed(decode()))

    def _is_admitted(self, key: Hashable, size_bytes: int) -> bool:
        if self.bytes + size_bytes <= self.bytes_max:
            return True
        if size_bytes > self.bytes_max:
            return False
        refused_bytes = self._refused.pop(hash(key), None)
        if refused_bytes is not None:
            self._refused_bytes -= refused_bytes
            return True
        self._turn = (self._turn + 1) % ADMITTED_ONE_OF
        if self._turn:
            self._note_refused(key, max(size_bytes, _REFUSED_BYTES_MIN))
        return not self._turn

    def _note_refused(self, key: Hashable, size_bytes: int) -> None:
        self._refused[hash(key)] = size_bytes
        self._refused_bytes += size_bytes
        while self._refused_bytes > self.bytes_max // _REFUSED_PART:
            _, oldest_bytes = self._refused.popitem(last=False)
            self._refused_bytes -= oldest_bytes


def _packed(values: NDArray[np.float64]) -> NDArray[Any]:
    """The same numbers as integers of few bytes if they are whole, not negative (-0 is not) and fit."""
    highest = values.max(initial=0)
    kind = next((kind for most, kind in _PACKED if highest <= most), None)
    if kind is None or values.view(np.int64).min(initial=0) < 0:
        return values
    packed = values.astype(kind)
    if not (packed == values).all():
        return values
    packed.flags.writeable = False
    return packed
