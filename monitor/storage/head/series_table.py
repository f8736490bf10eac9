"""The series that the head knows: their labels as columns of symbols, and the postings over them.

Series come in batches: those that a source registered together. A batch has consecutive series numbers and one
LabelFrame, whose columns all share one table of symbols, so a series costs 4 bytes a label and no Python object.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from monitor.errors import LimitExceeded
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import Labels
from monitor.storage.blocks.label_index import select_series
from monitor.storage.head.head_postings import HeadPostings
from monitor.storage.interfaces import Selector

SeriesNumbers = NDArray[np.uint32]

_BATCHES_AT_FIRST = 64
SERIES_MAX = 2**32 - 1
"""Roaring bitmaps hold 32-bit numbers."""


def is_ascending(numbers: SeriesNumbers) -> bool:
    """Strictly."""
    return len(numbers) < 2 or bool((numbers[1:] > numbers[:-1]).all())


def to_numbers(bitmap: BitMap) -> SeriesNumbers:
    """The members of a bitmap, ascending."""
    return np.frombuffer(bitmap.to_array(), np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBatch:
    """`labels[i]` is the label set of series number `first + i`.

    `batch_id` names the batch on disk, for good; `first` is its place in memory, until the table is made anew.
    """

    batch_id: int
    source_id: int
    first: int
    labels: LabelFrame

    @property
    def end(self) -> int:
        return self.first + self.labels.size

    @property
    def numbers(self) -> SeriesNumbers:
        return np.arange(self.first, self.end, dtype=np.uint32)


class SymbolTable:
    """Texts and their numbers. Number 0 is the empty text; numbers are never reused."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return found

    def find(self, text: str) -> int | None:
        return self._numbers.get(text)

    def adopt(self, labels: LabelFrame) -> LabelFrame:
        """The same label sets in this table's numbers."""
        columns = {name: self._adopt_column(labels.columns[name]) for name in labels.names()}
        return LabelFrame(labels.size, columns)

    def adopt_all(self, column: LabelColumn) -> LabelColumn:
        """A column in this table's numbers, if each of its values occurs, so that nobody need look which do."""
        numbers = np.array([self.number(text) for text in column.values], np.int32)
        return LabelColumn(numbers[column.codes], self.texts)

    def _adopt_column(self, column: LabelColumn) -> LabelColumn:
        if column.values is self.texts:
            return column
        used = column.used()
        numbers = np.array([self.number(column.values[code]) for code in used.tolist()], np.int32)
        return LabelColumn(numbers[np.searchsorted(used, column.codes)], self.texts)


class SeriesTable:
    """All series of the head, numbered from 0 as they come.

    `version` changes whenever a selector may find something else than before. One thread at a time adds; others may
    read beside it, for what is there never changes: series are forgotten by making a new table (see `without`).
    """

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self.batches: list[SeriesBatch] = []
        self._bounds = np.empty((3, _BATCHES_AT_FIRST), np.int64)
        self._symbols = SymbolTable()
        self._end = 0
        self._postings = HeadPostings()

    def __len__(self) -> int:
        return self._end

    def adopt(self, labels: LabelFrame) -> LabelFrame:
        """The same label sets in the symbols of this table: cheap to compare with its frames."""
        return self._symbols.adopt(labels)

    def add(self, batch_id: int, source_id: int, labels: LabelFrame) -> SeriesBatch:
        """Takes in the S label sets of `labels` as series `len(self)` and following."""
        if self._end + labels.size > SERIES_MAX:
            raise LimitExceeded(
                f"got {self._end + labels.size} series since the last restart, want at most {SERIES_MAX}"
            )
        return self._add(batch_id, source_id, self.adopt(labels))

    def restore(self, batches: Iterable[tuple[int, int, LabelFrame]]) -> None:
        """Takes in batches (id, source id, labels) that were decoded: each value of their columns occurs in some set.

        What is one column in several of them is one in the table as well.
        """
        adopted: dict[LabelColumn, LabelColumn] = {}
        for batch_id, source_id, labels in batches:
            for column in labels.columns.values():
                if column not in adopted:
                    adopted[column] = self._symbols.adopt_all(column)
            columns = {name: adopted[column] for name, column in labels.columns.items()}
            self._add(batch_id, source_id, LabelFrame(labels.size, columns))

    def _add(self, batch_id: int, source_id: int, labels: LabelFrame) -> SeriesBatch:
        batch = SeriesBatch(batch_id, source_id, self._end, labels)
        self._postings.add(batch)
        self._note_bounds(batch)
        self.batches.append(batch)
        self._end = batch.end
        self.version += 1
        return batch

    def without(self, batch_ids: Container[int]) -> SeriesTable:
        """A new table that lacks some batches; the others are numbered anew, in the same order."""
        table = SeriesTable(self.version + 1)
        for batch in self.batches:
            if batch.batch_id not in batch_ids:
                table.add(batch.batch_id, batch.source_id, batch.labels)
        return table

    def all_series(self) -> BitMap:
        return BitMap(range(self._end))

    def posting(self, name: str, value: str) -> BitMap | None:
        symbol = self._symbols.find(value)
        return None if symbol is None else self._postings.of(name).get(symbol)

    def values(self, name: str) -> list[str]:
        texts = self._symbols.texts
        return [texts[symbol] for symbol in tuple(self._postings.of(name))]

    def names(self) -> list[str]:
        return self._postings.names()

    def select(self, selector: Selector) -> SeriesNumbers:
        """The numbers of the series that match, ascending."""
        return to_numbers(select_series(self, selector))

    def having(self, labels: Labels) -> SeriesNumbers:
        """The numbers of the series that have all of these labels, and maybe more; ascending."""
        postings = [self.posting(name, value) for name, value in labels.items()]
        found = [posting for posting in postings if posting is not None]
        if not found or len(found) < len(postings):
            return np.empty(0, np.uint32)
        return to_numbers(BitMap.intersection(*found))

    def split(self, numbers: SeriesNumbers) -> list[tuple[SeriesBatch, SeriesNumbers]]:
        """Ascending series numbers, cut where a batch ends."""
        if not len(numbers):
            return []
        firsts, _ = self.batch_bounds()
        low, high = (firsts.searchsorted((int(numbers[0]), int(numbers[-1])), side="right") - (1, 0)).tolist()
        if high == low + 1:
            return [(self.batches[low], numbers)]
        bounds = numbers.searchsorted(firsts[low:high])
        ends = np.append(bounds[1:], len(numbers))
        touched = np.flatnonzero(ends > bounds)
        return [(self.batches[low + i], numbers[bounds[i] : ends[i]]) for i in touched.tolist()]

    def batch_bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first series number of each batch, ascending, and the batches' ids."""
        count = len(self.batches)
        return self._bounds[0, :count], self._bounds[1, :count]

    def source_ids(self, numbers: SeriesNumbers) -> NDArray[np.int64]:
        """The sources that registered the series, (S,)."""
        count = len(self.batches)
        places = self._bounds[0, :count].searchsorted(numbers, side="right") - 1
        found: NDArray[np.int64] = self._bounds[2, places]
        return found

    def _note_bounds(self, batch: SeriesBatch) -> None:
        count = len(self.batches)
        if count == self._bounds.shape[1]:
            self._bounds = np.concatenate([self._bounds, np.empty_like(self._bounds)], axis=1)
        self._bounds[:, count] = batch.first, batch.batch_id, batch.source_id

    def labels(self, numbers: SeriesNumbers) -> LabelFrame:
        """The label sets of ascending series numbers."""
        parts = self.split(numbers)
        names = sorted({name for batch, _ in parts for name in batch.labels.columns})
        gather = self._gather_singles if len(parts) == len(numbers) else self._gather
        return LabelFrame(len(numbers), {name: gather(name, parts) for name in names})

    def codes_in_order(self, name: str, numbers: SeriesNumbers) -> NDArray[np.int32]:
        """The symbols of one label of different series numbers in any order."""
        if is_ascending(numbers):
            return self._gather(name, self.split(numbers)).codes if len(numbers) else np.empty(0, np.int32)
        order = np.argsort(numbers)
        codes = np.empty(len(numbers), np.int32)
        codes[order] = self._gather(name, self.split(numbers[order])).codes
        return codes

    def labels_in_order(self, numbers: SeriesNumbers) -> LabelFrame:
        """The label sets of different series numbers in any order."""
        if is_ascending(numbers):
            return self.labels(numbers)
        order = np.argsort(numbers)
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return self.labels(numbers[order]).take(place)

    def _gather(self, name: str, parts: list[tuple[SeriesBatch, SeriesNumbers]]) -> LabelColumn:
        codes = [_codes_of(batch, name, numbers) for batch, numbers in parts]
        return LabelColumn(codes[0] if len(codes) == 1 else np.concatenate(codes), self._symbols.texts)

    def _gather_singles(self, name: str, parts: list[tuple[SeriesBatch, SeriesNumbers]]) -> LabelColumn:
        """The same for one series of each batch: thousands of targets have one `up` each."""
        codes = [
            batch.labels.columns[name].codes.item(int(numbers[0]) - batch.first) if name in batch.labels.columns else 0
            for batch, numbers in parts
        ]
        return LabelColumn(np.array(codes, np.int32), self._symbols.texts)


def _codes_of(batch: SeriesBatch, name: str, numbers: SeriesNumbers) -> NDArray[np.int32]:
    column = batch.labels.columns.get(name)
    if column is None:
        return np.zeros(len(numbers), np.int32)
    if len(numbers) == batch.labels.size:
        return column.codes
    codes: NDArray[np.int32] = column.codes[numbers - np.uint32(batch.first)]
    return codes
