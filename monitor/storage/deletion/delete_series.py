"""Deletes samples by selector: those in memory at once, those in slabs by a tombstone, both in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.errors import LimitExceeded
from monitor.model.samples import ABSENT, is_absent
from monitor.storage.deletion.tombstones import Tombstone, Tombstones, encode_selectors
from monitor.storage.head.chunk import Cells, Chunk
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.interfaces import Selector
from monitor.storage.journal.committer import Committer, Records
from monitor.storage.journal.entry_codec import CellsRecord
from monitor.storage.journal.journal import Transaction


class SeriesDeleter:
    """Deletions of one store. Safe for several threads."""

    def __init__(self, head: Head, committer: Committer, tombstones: Tombstones, tombstones_max: int) -> None:
        self._head = head
        self._committer = committer
        self._tombstones = tombstones
        self._tombstones_max = tombstones_max

    def delete(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> None:
        """Deletes every sample appended so far of the series that match any selector, in a time inclusive at both ends.

        Durable on return. Raises StorageFull if the disk does not take it; then it is out of sight until the process
        ends, and durable as soon as a commit succeeds. Raises LimitExceeded if too many deletions wait for blocks to be
        written anew.
        """
        waiting = len(self._tombstones.entries)
        if waiting >= self._tombstones_max:
            raise LimitExceeded(
                f"got {waiting} deletions that no merge has applied yet, want at most {self._tombstones_max}"
                " (tombstones_max): call clean_tombstones"
            )

        def add(transaction: Transaction, records: Records) -> None:
            # The head's lock is held: nothing is appended between taking samples away and numbering the deletion.
            self._erase_in_memory(selectors, start_ms, end_ms, records)
            number = self._head.state.take_id()
            transaction.last_id = number
            transaction.tombstones.append((number, start_ms, end_ms, encode_selectors(selectors)))
            self._tombstones.add(Tombstone(number, tuple(selectors), start_ms, end_ms))

        self._committer.commit_with(add)

    def _erase_in_memory(self, selectors: Sequence[Selector], start_ms: int, end_ms: int, records: Records) -> None:
        state = self._head.state
        numbers = [state.table.select(selector) for selector in selectors]
        wanted = np.unique(np.concatenate(numbers)) if numbers else np.empty(0, np.uint32)
        if not len(wanted):
            return
        for source in state.sources.values():
            for chunk in source.chunks():
                cells = erased_cells(chunk, wanted, start_ms, end_ms)
                if cells is not None:
                    source.version += 1
                    records.setdefault(chunk.pace, []).append(CellsRecord(chunk.chunk_id, cells))


def erased_cells(chunk: Chunk, numbers: SeriesNumbers, start_ms: int, end_ms: int) -> Cells | None:
    """Makes the samples of ascending series numbers in a time, inclusive, absent; what to replay for the same effect.

    The matrix is replaced, not changed: readers that began before go on with the old one.
    """
    _, columns = chunk.layout.columns_of(numbers)
    times = chunk.timestamps_ms[: chunk.rows]
    rows = np.flatnonzero((times >= start_ms) & (times <= end_ms))
    if not len(columns) or not len(rows):
        return None
    row, column = np.nonzero(~is_absent(np.ascontiguousarray(chunk.values[np.ix_(rows, columns)])))
    if not len(row):
        return None
    values = chunk.values.copy()
    values[rows[row], columns[column]] = ABSENT
    chunk.values, chunk.gaps = values, True
    return Cells(rows[row], columns[column], np.full(len(row), ABSENT))
