"""Label pair → series of the head, as roaring bitmaps, brought up to date when somebody asks for a label.

All series that came since the last question are posted at once, and labels that nobody asks for never: a start with
500 000 series posts one label for its first query, instead of eleven labels for each of 5 000 batches.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from monitor.model.label_frame import Codes, LabelFrame, sets_by_code


class PostedBatch(Protocol):
    """Consecutive series from `first` on, with their labels in the symbols of the table."""

    @property
    def first(self) -> int: ...

    @property
    def labels(self) -> LabelFrame: ...


@dataclass(slots=True)
class _Posted:
    """The series by symbol, of the first `batches` batches."""

    batches: int = 0
    by_symbol: dict[int, BitMap] = field(default_factory=dict)


class HeadPostings:
    """One thread at a time adds, any number asks beside it."""

    def __init__(self) -> None:
        self._batches: list[PostedBatch] = []
        self._posted: dict[str, _Posted] = {}
        self._lock = threading.Lock()

    def add(self, batch: PostedBatch) -> None:
        for name in batch.labels.columns:
            if name not in self._posted:
                self._posted[name] = _Posted()
        self._batches.append(batch)

    def names(self) -> list[str]:
        return sorted(self._posted)

    def of(self, name: str) -> dict[int, BitMap]:
        """The series that have the label, by the symbol of its value."""
        posted = self._posted.get(name)
        if posted is None:
            return {}
        if posted.batches < len(self._batches):
            with self._lock:
                count = len(self._batches)
                _post(posted.by_symbol, name, self._batches[posted.batches : count])
                posted.batches = count
        return posted.by_symbol


def to_bitmap(numbers: NDArray[np.uint32]) -> BitMap:
    # Ten times as fast as handing over the NumPy array: pyroaring takes array("I") as a buffer.
    return BitMap(array("I", numbers.tobytes()))


def _post(by_symbol: dict[int, BitMap], name: str, batches: Sequence[PostedBatch]) -> None:
    parts = [(batch.first, batch.labels.columns[name].codes) for batch in batches if name in batch.labels.columns]
    if not parts:
        return
    codes = np.concatenate([part for _, part in parts])
    numbers = np.concatenate([np.arange(first, first + len(part), dtype=np.uint32) for first, part in parts])
    for symbol, series in bitmaps_by_code(codes, numbers):
        known = by_symbol.get(symbol)
        if known is None:
            by_symbol[symbol] = series
        else:
            known |= series


def bitmaps_by_code(codes: Codes, numbers: NDArray[np.uint32]) -> Iterator[tuple[int, BitMap]]:
    """Which of the numbers (N,) have each code (N,) but 0, which means that there is no label."""
    for code, sets in sets_by_code(codes):
        yield code, to_bitmap(numbers[sets])
