"""Deleted samples that are still in a block or a slab: what says so, and how readers pass over them.

A deletion takes a number from the store's one sequence of numbers. In memory its samples are gone at once; of what is
in slabs, those of a cut chunk with a lower number, and of a block that has applied only lower numbers (`erased` in its
meta), are passed over by readers until the block is written anew. So samples that come after a deletion, as when bad
history is deleted and imported again, stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from monitor.model.label_frame import LabelFrame
from monitor.model.matchers import Matcher, MatchOp, match_rows
from monitor.model.samples import ABSENT, Mask
from monitor.storage.blocks.pieces import Piece
from monitor.storage.interfaces import Selector


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The samples of series that match any of `selectors` from `start_ms` to `end_ms`, both inclusive, are deleted."""

    number: int
    selectors: tuple[Selector, ...]
    start_ms: int
    end_ms: int

    def overlaps(self, min_ms: int, max_ms: int) -> bool:
        return self.start_ms <= max_ms and self.end_ms >= min_ms

    def covers(self, min_ms: int, max_ms: int) -> bool:
        return self.start_ms <= min_ms and self.end_ms >= max_ms


@dataclass(frozen=True, slots=True, eq=False)
class Erasure:
    """A tombstone over a selection: `is_erased` (S,) are the rows that it is about."""

    tombstone: Tombstone
    is_erased: Mask


class Tombstones:
    """All deletions that something on disk has not applied yet. Replaced as a whole, under the head's lock."""

    def __init__(self, entries: Sequence[Tombstone] = ()) -> None:
        self.entries = tuple(entries)

    def add(self, tombstone: Tombstone) -> None:
        self.entries = (*self.entries, tombstone)

    def drop(self, numbers: Iterable[int]) -> None:
        dropped = set(numbers)
        self.entries = tuple(entry for entry in self.entries if entry.number not in dropped)


def erasures_of(tombstones: Iterable[Tombstone], labels: LabelFrame) -> tuple[Erasure, ...]:
    """The tombstones that are about any of the S label sets."""
    found = []
    for tombstone in tombstones:
        is_erased = np.zeros(labels.size, np.bool_)
        for selector in tombstone.selectors:
            is_erased |= match_rows(labels, selector)
        if is_erased.any():
            found.append(Erasure(tombstone, is_erased))
    return tuple(found)


def erase(piece: Piece, erasures: Iterable[Erasure], applied: int) -> Piece:
    """The piece without the samples that deletions of a greater number than `applied` took away."""
    values = None
    for erasure in erasures:
        tombstone = erasure.tombstone
        if tombstone.number <= applied:
            continue
        rows = np.flatnonzero(erasure.is_erased[piece.rows])
        inside = (piece.timestamps_ms >= tombstone.start_ms) & (piece.timestamps_ms <= tombstone.end_ms)
        if len(rows) and inside.any():
            values = piece.values.copy() if values is None else values
            values[np.ix_(rows, np.flatnonzero(inside))] = ABSENT
    if values is None:
        return piece
    return Piece(piece.rows, piece.timestamps_ms, values, is_dense=False, in_order=piece.in_order)


def erased_rows(erasures: Sequence[Erasure], applied: int, min_ms: int, max_ms: int) -> Mask:
    """Which rows (S,) have no sample left in data from `min_ms` to `max_ms` that has applied deletions up to `applied`.

    There is at least one erasure.
    """
    is_gone = np.zeros(len(erasures[0].is_erased), np.bool_)
    for erasure in erasures:
        if erasure.tombstone.number > applied and erasure.tombstone.covers(min_ms, max_ms):
            is_gone |= erasure.is_erased
    return is_gone


def encode_selectors(selectors: Iterable[Selector]) -> str:
    """JSON [[[name, operator, value], …], …]."""
    return orjson.dumps(
        [[[matcher.name, matcher.op.value, matcher.value] for matcher in selector] for selector in selectors]
    ).decode()


def decode_selectors(text: str) -> tuple[Selector, ...]:
    return tuple(
        tuple(Matcher(name, MatchOp(operator), value) for name, operator, value in selector)
        for selector in orjson.loads(text)
    )
