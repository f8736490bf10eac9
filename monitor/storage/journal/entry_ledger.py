"""Which journal entries there are, and which of them are still needed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from itertools import takewhile

from monitor.storage.head.chunk import Chunk
from monitor.storage.head.head_state import PACES

FirstEntries = Counter[tuple[int, int]]
"""How many chunks there are of a pace, by the first entry that may hold rows of them."""


class EntryLedger:
    """An entry is needed as long as a chunk in memory has rows in it, or in an older one of the same pace."""

    def __init__(self, entries: Iterable[tuple[int, int]], chunks: Iterable[Chunk]) -> None:
        """`entries` are (sequence, pace), ascending; `chunks` all that have rows in them."""
        self._sequences: tuple[deque[int], ...] = tuple(deque() for _ in range(PACES))
        for sequence, pace in entries:
            self.add(sequence, pace)
        self._needed = _first_entries(chunks)

    def add(self, sequence: int, pace: int) -> None:
        """A new entry, younger than all others."""
        self._sequences[pace].append(sequence)

    def open(self, pace: int, sequence: int) -> None:
        """The first rows of a chunk are in this entry or a younger one."""
        self._needed[pace, sequence] += 1

    def superfluous(self, closing: Iterable[Chunk]) -> list[int]:
        """The entries that nobody needs once the chunks `closing` are not in memory any more."""
        oldest = dict.fromkeys(range(PACES), float("inf"))
        for pace, sequence in self._needed - _first_entries(closing):
            oldest[pace] = min(oldest[pace], sequence)
        return [
            sequence
            for pace, sequences in enumerate(self._sequences)
            for sequence in takewhile(oldest[pace].__gt__, sequences)
        ]

    def close(self, closed: Iterable[Chunk], superfluous: Iterable[int]) -> None:
        """The chunks are gone, and so are the entries."""
        self._needed -= _first_entries(closed)
        gone = set(superfluous)
        for sequences in self._sequences:
            while sequences and sequences[0] in gone:
                sequences.popleft()


def _first_entries(chunks: Iterable[Chunk]) -> FirstEntries:
    return Counter((chunk.pace, chunk.first_sequence) for chunk in chunks if chunk.first_sequence is not None)
