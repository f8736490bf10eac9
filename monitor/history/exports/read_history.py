"""Everything that selectors find in a time, in pieces of bounded size, without keeping the store from its work.

Time is cut into windows in which a series has few enough samples, and the series of a window into groups. Each piece
is read by a reader of its own: an export may take hours, and a reader keeps blocks from being deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from monitor.history.exports.runs import SeriesRuns, runs_of
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.matchers import match_rows
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.storage.interfaces import Selection, SelectionSize, Selector

SERIES_PER_PIECE = 256
"""At least so many series are read at a time if they have as many samples: it is what one slab holds at most."""


class HistoryReader(Protocol):
    """A Reader that can read some of what a selector finds."""

    def select_some(
        self, selector: Selector, start_ms: int, end_ms: int, choose: Callable[[LabelFrame], Rows]
    ) -> Selection: ...

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize: ...

    def label_names(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]: ...

    def label_values(self, name: str, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]: ...


class HistoryStore(Protocol):
    def reader(self) -> AbstractContextManager[HistoryReader]: ...


class HistoryQuestion:
    """Samples of the series that match any selector, from `start_ms` to `end_ms`, inclusive."""

    def __init__(self, store: HistoryStore, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> None:
        self._store = store
        self._selectors = selectors
        self._start_ms = start_ms
        self._end_ms = end_ms
        self.warnings: dict[str, None] = {}
        """Damaged data that was left out so far."""

    def label_names(self) -> list[str]:
        """All that may occur, and the one that tells components of native histograms apart if there are any."""
        with self._store.reader() as reader:
            names = reader.label_names(self._selectors, self._start_ms, self._end_ms)
            has_components = bool(reader.label_values(COMPONENT_LABEL, (), self._start_ms, self._end_ms))
        return [*names, COMPONENT_LABEL] if has_components and COMPONENT_LABEL not in names else names

    def pieces(self, samples_max: int) -> Iterator[SeriesRuns]:
        """Window by window in time order, each of about `samples_max` samples at most; none is empty."""
        for position, selector in enumerate(self._selectors):
            yield from self._windows(position, selector, self._start_ms, self._end_ms, samples_max)

    def _windows(
        self, position: int, selector: Selector, start_ms: int, end_ms: int, samples_max: int
    ) -> Iterator[SeriesRuns]:
        waiting = [(start_ms, end_ms)]
        while waiting:
            first_ms, last_ms = waiting.pop()
            with self._store.reader() as reader:
                size = reader.size(selector, first_ms, last_ms)
            if not size.series:
                continue
            per_series = size.samples / size.series
            if per_series > max(1, samples_max // SERIES_PER_PIECE) and last_ms > first_ms:
                middle_ms = (first_ms + last_ms) // 2
                waiting += [(middle_ms + 1, last_ms), (first_ms, middle_ms)]
                continue
            count = max(1, int(samples_max / max(per_series, 1)))
            groups = _Groups(selector, self._selectors[:position], count)
            while not groups.is_done:
                with self._store.reader() as reader:
                    selection = reader.select_some(selector, first_ms, last_ms, groups.choose)
                self.warnings |= dict.fromkeys(selection.warnings)
                runs = runs_of(selection)
                if runs.labels.size:
                    yield runs


class _Groups:
    """The series of one window, `count` at a time, each once, also if the store changes what it finds in between."""

    def __init__(self, selector: Selector, earlier: Sequence[Selector], count: int) -> None:
        self.is_done = False
        self._selector = selector
        self._earlier = earlier
        self._count = count
        self._labels: LabelFrame | None = None
        self._rows: Rows = np.empty(0, np.intp)
        self._given: list[LabelFrame] = []

    def choose(self, labels: LabelFrame) -> Rows:
        """The rows of the next group."""
        if labels is not self._labels:
            self._labels, self._rows = labels, self._rows_left(labels)
        chosen, self._rows = self._rows[: self._count], self._rows[self._count :]
        self.is_done = not len(self._rows)
        if not self.is_done:
            self._given.append(labels.take(chosen))
        return chosen

    def _rows_left(self, labels: LabelFrame) -> Rows:
        is_left = np.ones(labels.size, np.bool_)
        for selector in self._earlier:
            is_left &= ~match_rows(labels, selector)
        if self._given:
            given = LabelFrame.concat(self._given)
            group = LabelFrame.concat([given, labels]).group().group
            is_left &= ~np.isin(group[given.size :], group[: given.size])
        return np.flatnonzero(is_left)
