"""Numbers found by 64-bit hashes, for as many of them as there are series: 16 bytes each, no Python object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import Mask

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HashRun:
    """`numbers` (N,) by ascending `hashes` (N,)."""

    hashes: Hashes
    numbers: Numbers

    @classmethod
    def of(cls, hashes: Hashes, numbers: Numbers) -> HashRun:
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], numbers[order])

    def merged(self, other: HashRun) -> HashRun:
        return HashRun.of(np.concatenate([self.hashes, other.hashes]), np.concatenate([self.numbers, other.numbers]))

    def find(self, hashed: np.uint64) -> list[int]:
        """The numbers of this hash."""
        first = end = int(self.hashes.searchsorted(hashed))
        while end < len(self.hashes) and self.hashes[end] == hashed:
            end += 1
        found: list[int] = self.numbers[first:end].tolist()
        return found


class HashRuns:
    """One thread at a time adds, others may look beside it.

    Different things may have one hash: whoever finds a number looks whether it is the right one.
    """

    def __init__(self) -> None:
        self.runs: tuple[HashRun, ...] = ()
        """Each more than twice as long as the next, so that there are few."""

    def __len__(self) -> int:
        return sum(len(run.hashes) for run in self.runs)

    def add(self, hashes: Hashes, numbers: Numbers) -> None:
        runs = [*self.runs, HashRun.of(hashes, numbers)]
        while len(runs) > 1 and len(runs[-2].hashes) <= 2 * len(runs[-1].hashes):
            last = runs.pop()
            runs[-1] = runs[-1].merged(last)
        self.runs = tuple(runs)

    def only(self, are_wanted: Callable[[Numbers], Mask]) -> HashRuns:
        """Those of the numbers that are wanted."""
        left = HashRuns()
        for run in self.runs:
            wanted = are_wanted(run.numbers)
            left.add(run.hashes[wanted], run.numbers[wanted])
        return left
