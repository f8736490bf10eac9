"""The series of pushed sources, found by their labels: many at once, without a Python object for any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Mask
from monitor.storage.head.hash_runs import Hashes, HashRun, HashRuns
from monitor.storage.head.head_state import HeadState
from monitor.storage.head.series_table import SeriesBatch, SeriesNumbers, SeriesTable
from monitor.storage.head.source import Source

KEY_PREFIX = "push:"
"""Of the keys of their sources."""
NOT_FOUND = -1
_UINT64_MASK = 2**64 - 1


class PushedSeries:
    """Of one series table. What was added to it since the last question is taken up by the next. The head's lock
    guards it."""

    def __init__(self, state: HeadState, table: SeriesTable) -> None:
        self._state = state
        self._table = table
        self._batches = 0
        self._numbers = HashRuns()

    def find(self, labels: LabelFrame) -> NDArray[np.int64]:
        """The series with exactly these labels (S,), which are in the table's symbols; NOT_FOUND where there is none.

        Series of sources that have nothing outside of blocks are not found: they are forgotten soon.
        """
        self._catch_up()
        hashes = _hashes(labels)
        numbers = np.full(labels.size, NOT_FOUND, np.int64)
        for run in self._numbers.runs:
            place = run.hashes.searchsorted(hashes)
            asked = np.arange(labels.size)
            while len(asked := asked[_is_at(run, place[asked], hashes[asked])]):
                candidates = run.numbers[place[asked]].astype(np.uint32)
                is_same = self._is_alive(candidates) & self._has_labels(candidates, labels.take(asked))
                numbers[asked[is_same]] = candidates[is_same]
                asked = asked[~is_same]
                place[asked] += 1
        return numbers

    def source(self, source_id: int) -> Source | None:
        """The pushed source of this number, if it has something outside of blocks."""
        source = self._state.sources.get(source_id)
        return source if source is not None and source.key.startswith(KEY_PREFIX) else None

    def _is_alive(self, numbers: SeriesNumbers) -> Mask:
        ids, of_number = np.unique(self._table.source_ids(numbers), return_inverse=True)
        is_alive: Mask = np.array([self.source(source_id) is not None for source_id in ids.tolist()])[of_number]
        return is_alive

    def _has_labels(self, numbers: SeriesNumbers, labels: LabelFrame) -> Mask:
        known = self._table.labels_in_order(numbers)
        is_same = np.ones(labels.size, np.bool_)
        for name in {*known.columns, *labels.columns}:
            is_same &= known.column(name).codes == labels.column(name).codes
        return is_same

    def _catch_up(self) -> None:
        batches = self._table.batches[self._batches :]
        self._batches += len(batches)
        pushed = [batch for batch in batches if self._may_be_pushed(batch)]
        if not pushed:
            return
        frame = LabelFrame.concat([batch.labels for batch in pushed])
        self._numbers.add(_hashes(frame), np.concatenate([batch.numbers for batch in pushed]).astype(np.int64))

    def _may_be_pushed(self, batch: SeriesBatch) -> bool:
        """Also of a source that has no row yet."""
        source = self._state.sources.get(batch.source_id)
        return source is None or source.key.startswith(KEY_PREFIX)


def _is_at(run: HashRun, place: Rows, hashes: Hashes) -> Mask:
    inside = place < len(run.hashes)
    inside[inside] = run.hashes[place[inside]] == hashes[inside]
    return inside


def _hashes(labels: LabelFrame) -> Hashes:
    """Of label sets in the symbols of a table (S,): a sum, so that labels that a set lacks count for nothing."""
    hashes = np.zeros(labels.size, np.uint64)
    for name, column in labels.columns.items():
        hashes += column.codes.astype(np.uint64) * np.uint64(hash(name) & _UINT64_MASK | 1)
    return hashes
