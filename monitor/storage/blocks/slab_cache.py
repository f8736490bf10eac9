"""Decoded slabs, the most recently used ones, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

Decoded = TypeVar("Decoded", bound=NDArray[Any])


class SlabCache:
    """Safe for several threads. What is in it is read-only."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = self.hits = self.misses = 0
        self._arrays: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
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
            if key not in self._arrays and array.nbytes <= self.bytes_max:
                self._arrays[key] = array
                self.bytes += array.nbytes
            while self.bytes > self.bytes_max:
                _, oldest = self._arrays.popitem(last=False)
                self.bytes -= oldest.nbytes
        return array
