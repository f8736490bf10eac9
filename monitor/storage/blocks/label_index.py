"""Label pair → series, as roaring bitmaps; and how a selector is answered from them.

The same rules serve the head (postings in memory), a block (postings read from its file) and a small block (found in
its label sets): each is a Postings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from pyroaring import BitMap

from monitor.model.label_frame import LabelFrame
from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.head.head_postings import bitmaps_by_code, to_bitmap
from monitor.storage.interfaces import Selector


class Postings(Protocol):
    """Which series have which label."""

    def all_series(self) -> BitMap: ...

    def posting(self, name: str, value: str) -> BitMap | None:
        """The series with this label pair; None if there is none."""
        ...

    def values(self, name: str) -> Iterable[str]:
        """All values of a label, in any order."""
        ...


class NamedPostings(Postings, Protocol):
    """Postings that can say which labels they have."""

    def names(self) -> list[str]: ...


class FramePostings:
    """The postings of S label sets, series s being set s.

    One pair is looked for among the sets; who asks for the values of a label is about to ask for many of its pairs.
    """

    def __init__(self, labels: LabelFrame) -> None:
        self._labels = labels
        self._by_value: dict[str, dict[str, BitMap]] = {}

    def all_series(self) -> BitMap:
        return BitMap(range(self._labels.size))

    def posting(self, name: str, value: str) -> BitMap | None:
        known = self._by_value.get(name)
        if known is not None:
            return known.get(value)
        column = self._labels.column(name)
        if not value or value not in column.values:
            return None
        return to_bitmap(np.flatnonzero(column.codes == column.values.index(value)).astype(np.uint32))

    def values(self, name: str) -> list[str]:
        if name not in self._by_value:
            column = self._labels.column(name)
            bitmaps = bitmaps_by_code(column.codes, np.arange(self._labels.size, dtype=np.uint32))
            self._by_value[name] = {column.values[code]: series for code, series in bitmaps}
        return list(self._by_value[name])

    def names(self) -> list[str]:
        return self._labels.names()


def select_series(postings: Postings, selector: Selector) -> BitMap:
    """The series that match all of `selector`."""
    found: BitMap | None = None
    excluding = []
    for matcher in sorted(selector, key=_cost):
        if matcher.matches_empty:
            excluding.append(matcher)
            continue
        series = _union(postings, matcher.name, _matched_values(postings, matcher))
        found = series if found is None else found & series
        if not found:
            return BitMap()
    found = postings.all_series() if found is None else found
    for matcher in excluding:
        if not found:
            break
        # What matches the empty string is asked the other way round: which values do not match?
        values = [value for value in postings.values(matcher.name) if not matcher.matches(value)]
        found = found - _union(postings, matcher.name, values)
    return found


def _cost(matcher: Matcher) -> int:
    """Equality first: it is one look-up and usually leaves the fewest series."""
    if matcher.op is MatchOp.EQUAL:
        return 0
    return 1 if matcher.literals is not None else 2


def _matched_values(postings: Postings, matcher: Matcher) -> Sequence[str]:
    if matcher.literals is not None and not matcher.is_negative:
        return sorted(matcher.literals)
    return [value for value in postings.values(matcher.name) if matcher.matches(value)]


def _union(postings: Postings, name: str, values: Sequence[str]) -> BitMap:
    bitmaps = [bitmap for value in values if (bitmap := postings.posting(name, value)) is not None]
    if len(bitmaps) == 1:
        return bitmaps[0]
    return BitMap.union(*bitmaps) if bitmaps else BitMap()
