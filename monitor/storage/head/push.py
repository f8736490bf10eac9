"""Pushed series: which of them form a source, and how their samples get there.

A pushed series comes alone, with its own timestamps. Series that first come with the same timestamps in one request
(as those of one scraped target do) become one source and share a timestamp vector from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import repeat
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame, Rows
from monitor.storage.head.head import Head
from monitor.storage.head.push_groups import (
    KeptKeys,
    KeyRun,
    PushedBatch,
    PushedRows,
    RunKeys,
    SourceColumns,
    equally_timed,
    rows_by_source,
    united,
)
from monitor.storage.head.pushed_series import KEY_PREFIX, NOT_FOUND, PushedSeries
from monitor.storage.head.series_table import SeriesNumbers
from monitor.storage.head.source import Source


class PushSources:
    """Takes pushed samples into the head. Call it under no lock, from any thread.

    Pushers take turns; the head is locked for the samples of one source at a time, so that scrapes are not kept waiting
    by a large request.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._lock = threading.Lock()
        self._table = head.state.table
        self._known: dict[bytes, int] = {}
        """The numbers of series that came, in `_table`."""
        self._sources: dict[int, Source] = {}
        """Those of the known series, by their ids."""
        self._kept: WeakKeyDictionary[KeptKeys, NDArray[np.int64]] = WeakKeyDictionary()
        """The numbers of known series that come again."""
        self._columns = SourceColumns()
        self._series = PushedSeries(head.state, head.state.table)
        self._is_backfill = False

    @property
    def known_keys(self) -> int:
        """How many keys are known."""
        return len(self._known)

    def append(self, batch: PushedBatch, *, is_backfill: bool = False) -> int:
        """Adds the samples of the batch. Samples at a time at which their series has one already are ignored.

        Returns how many were refused because they come too late (HeadSettings.late_window_ms); a backfill never does.
        """
        with self._lock:
            state = self._head.state
            state.check_accepts()
            self._is_backfill = is_backfill
            refused_before = state.refused_samples
            left = np.arange(len(batch.keys))
            while len(left):
                batch, numbers = united(batch, self._numbers_of(batch))
                left = self._append_known(batch, numbers)
                batch = batch.taken(left) if len(left) else batch
            return state.refused_samples - refused_before

    def _append_known(self, batch: PushedBatch, numbers: SeriesNumbers) -> Rows:
        """Appends series of different numbers (K,), source by source. Which are left: the table was made anew."""
        table = self._table
        together = rows_by_source(batch, table.source_ids(numbers), self._columns.of(numbers))
        for rows in together:
            with self._head.state.lock:
                if self._head.state.table is not table:  # the numbers mean nothing any more
                    return np.concatenate([rows.members, *(later.members for later in together)])
                self._append_rows(rows, numbers)
        return np.empty(0, np.intp)

    def _append_rows(self, rows: PushedRows, numbers: SeriesNumbers) -> None:
        source = self._sources[rows.source_id]
        source.trim()
        columns = rows.columns
        if columns is None or not self._columns.is_current(source.source_id, source.layout):
            columns = source.columns_for(numbers[rows.members])
            self._columns.note(source.source_id, source.layout, len(self._table))
        source.append_block(columns, rows.timestamps_ms, rows.values, takes_any_age=self._is_backfill)

    def _numbers_of(self, batch: PushedBatch) -> SeriesNumbers:
        """The numbers of the batch's series, (K,); those that are not known are adopted."""
        while True:
            if self._table is not self._head.state.table:
                self._start_anew()
            numbers = self._look_up(batch.keys)
            unknown = np.flatnonzero(numbers == NOT_FOUND)
            if not len(unknown):
                return numbers.astype(np.uint32)
            self._adopt(batch, unknown)

    def _start_anew(self) -> None:
        """Series numbers have changed: every series is looked up by its labels when it comes again."""
        self._table = self._head.state.table
        self._known, self._sources = {}, {}
        self._kept, self._columns = WeakKeyDictionary(), SourceColumns()
        self._series = PushedSeries(self._head.state, self._table)

    def _look_up(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        if isinstance(keys, RunKeys):
            runs = zip(keys.runs, keys.all_of_kept(), strict=True)
            return np.concatenate([self._numbers_of_run(run, all_keys) for run, all_keys in runs])
        return np.fromiter(map(self._known.get, keys, repeat(NOT_FOUND)), np.int64, len(keys))

    def _numbers_of_run(self, run: KeyRun, all_keys: Callable[[], list[bytes]]) -> NDArray[np.int64]:
        numbers = self._kept.get(run.kept)
        if numbers is None:
            numbers = self._look_up(all_keys())
            if bool((numbers != NOT_FOUND).all()):
                self._kept[run.kept] = numbers
        return numbers[run.first : run.end]

    def _adopt(self, batch: PushedBatch, unknown: Rows) -> None:
        """Finds or makes the series of the keys that are not known; gives up if the table is made anew meanwhile."""
        keys = [batch.keys[position] for position in unknown.tolist()]
        labels = batch.label_sets(keys)
        with self._head.state.lock:
            if self._head.state.table is not self._table:
                return
            labels = self._table.adopt(labels)
            sets = labels.group()
            labels = labels.take(sets.first)
            numbers = self._find(labels)
        try:
            fresh = np.flatnonzero(numbers == NOT_FOUND)
            for group in equally_timed(batch, unknown[sets.first[fresh]]):
                members = fresh[group.members]
                numbers[members] = self._register(labels.take(members), group.interval_ms)
        finally:
            # What was registered before a limit was reached counts.
            self._learn(keys, numbers[sets.group])

    def _find(self, labels: LabelFrame) -> NDArray[np.int64]:
        numbers = self._series.find(labels)
        for source_id in np.unique(self._table.source_ids(numbers[numbers != NOT_FOUND].astype(np.uint32))).tolist():
            self._sources[source_id] = self._head.state.sources[source_id]
        return numbers

    def _register(self, labels: LabelFrame, interval_ms: int | None) -> SeriesNumbers | int:
        """The numbers of new series of a new source; NOT_FOUND if the table was made anew meanwhile."""
        state = self._head.state
        with state.lock:
            if state.table is not self._table:
                return NOT_FOUND
            source = self._head.open_source(f"{KEY_PREFIX}{state.take_id()}", interval_ms)
            numbers = state.register(source.source_id, labels)
        self._sources[source.source_id] = source
        return numbers

    def _learn(self, keys: Sequence[bytes], numbers: NDArray[np.int64]) -> None:
        self._known.update((key, number) for key, number in zip(keys, numbers.tolist(), strict=True) if number >= 0)
