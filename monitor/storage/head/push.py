"""Pushed series: which of them form a source, and how their samples get there.

A pushed series comes alone, with its own timestamps. Series that first come with the same timestamps in one request
(as those of one scraped target do) become one source and share a timestamp vector from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.samples import Timestamps, Values
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesNumbers, SeriesTable
from monitor.storage.head.source import Source

Cell = TypeVar("Cell", bound=np.generic)
KEY_PREFIX = "push:"
Counts = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class PushedBatch:
    """Samples of K different series, laid end to end.

    `keys` (K,) name the series as their sender does; `labels_of` turns a key into its label set and is asked only for
    keys that are not known yet. Series k has `counts[k]` >= 1 samples, with timestamps that ascend strictly.
    """

    keys: Sequence[bytes]
    labels_of: Callable[[bytes], Labels]
    counts: Counts
    timestamps_ms: Timestamps
    values: Values


class PushSources:
    """Takes pushed samples into the head. Call it under no lock, from any thread.

    Pushers take turns; the head is locked for the samples of one source at a time, so that scrapes are not kept waiting
    by a large request.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._lock = threading.Lock()
        self._table: SeriesTable | None = None
        self._known: dict[bytes, int] = {}
        """The numbers of series that came, in `_table`."""
        self._sources: dict[int, Source] = {}
        """Those of the known series, by their ids."""
        self._is_backfill = False

    def append(self, batch: PushedBatch, *, is_backfill: bool = False) -> int:
        """Adds the samples of the batch. Samples at a time at which their series has one already are ignored.

        Returns how many were refused because they come too late (HeadSettings.late_window_ms); a backfill never does.
        """
        with self._lock:
            self._head.state.check_accepts()
            self._is_backfill = is_backfill
            refused_before = self._head.state.refused_samples
            starts = np.cumsum(batch.counts) - batch.counts
            self._append_known(batch, starts)
            return self._head.state.refused_samples - refused_before

    def _series_of(self, batch: PushedBatch, starts: Counts) -> SeriesNumbers:
        """The numbers of the batch's series, (K,); those that are not known are adopted."""
        if self._table is not self._head.state.table:
            # Series numbers have changed: every series is looked up by its labels when it comes again.
            self._table, self._known, self._sources = self._head.state.table, {}, {}
        unknown = [position for position, key in enumerate(batch.keys) if key not in self._known]
        if unknown:
            self._adopt(batch, starts, unknown)
        return np.fromiter(map(self._known.__getitem__, batch.keys), np.uint32, len(batch.keys))

    def _append_known(self, batch: PushedBatch, starts: Counts) -> None:
        """Appends the series source by source."""
        waiting = np.arange(len(batch.keys))
        while len(waiting):
            numbers = self._series_of(batch, starts)
            table = self._table
            assert table is not None, "BUG: got series numbers of no table"
            done = np.zeros(len(batch.keys), np.bool_)
            for source_id, members in _grouped(table.source_ids(numbers[waiting])):
                positions = waiting[members]
                with self._head.state.lock:
                    if self._head.state.table is not table:
                        break  # the numbers mean nothing any more
                    self._append_to(self._sources[source_id], batch, starts, positions, numbers)
                done[positions] = True
            waiting = waiting[~done[waiting]]

    def _append_to(
        self, source: Source, batch: PushedBatch, starts: Counts, positions: Counts, numbers: SeriesNumbers
    ) -> None:
        source.trim()
        with self._head.state.taking_any_age(self._is_backfill):
            for group in _equally_timed(batch, starts, positions):
                columns = source.columns_for(numbers[group])
                first, count = int(starts[group[0]]), int(batch.counts[group[0]])
                values = _laid_end_to_end(batch.values, starts[group], count).T
                source.append_block(columns, batch.timestamps_ms[first : first + count], values)

    def _adopt(self, batch: PushedBatch, starts: Counts, unknown: list[int]) -> None:
        """Finds or makes the series of the keys that are not known."""
        positions_by_labels: dict[Labels, list[int]] = {}
        for position in unknown:
            positions_by_labels.setdefault(batch.labels_of(batch.keys[position]), []).append(position)
        fresh: dict[int, Labels] = {}
        for labels, positions in positions_by_labels.items():
            found = self._find(labels)
            if found is None:
                fresh[positions[0]] = labels
            else:
                self._learn(batch, positions, *found)
        for group in _equally_timed(batch, starts, np.array(list(fresh), np.intp)):
            new = [fresh[position] for position in group.tolist()]
            with self._head.state.lock:
                source = self._open_source(_interval_ms(batch, starts, int(group[0])))
                numbers = source.numbers_for(LabelFrame.of(new))
            for labels, number in zip(new, numbers.tolist(), strict=True):
                self._learn(batch, positions_by_labels[labels], source, number)

    def _learn(self, batch: PushedBatch, positions: list[int], source: Source, number: int) -> None:
        self._sources[source.source_id] = source
        for position in positions:
            self._known[batch.keys[position]] = number

    def _open_source(self, interval_ms: int | None) -> Source:
        return self._head.open_source(f"{KEY_PREFIX}{self._head.state.take_id()}", interval_ms)

    def _find(self, labels: Labels) -> tuple[Source, int] | None:
        """The pushed series of the head with exactly these labels, and its source."""
        state = self._head.state
        numbers = state.table.having(labels)
        for batch, part in state.table.split(numbers):
            source = state.sources.get(batch.source_id)
            if source is None or not source.key.startswith(KEY_PREFIX):
                continue
            for number, found in zip(part.tolist(), state.table.labels(part).all_labels(), strict=True):
                if found == labels:
                    return source, number
        return None


def _grouped(values: NDArray[np.int64]) -> Iterator[tuple[int, Counts]]:
    """Each different value, and where it stands, ascending."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    yield from zip(ordered[starts].tolist(), np.split(order, starts[1:]), strict=True)


def _equally_timed(batch: PushedBatch, starts: Counts, positions: Counts) -> list[Counts]:
    """The series at `positions` in groups of equal timestamps."""
    if not len(positions):
        return []
    first, counts = starts[positions], batch.counts[positions]
    if bool((counts == counts[0]).all()):
        times = _laid_end_to_end(batch.timestamps_ms, first, int(counts[0]))
        if bool((times == times[0]).all()):
            return [positions]
    groups: dict[bytes, list[int]] = {}
    for position, start, count in zip(positions.tolist(), first.tolist(), counts.tolist(), strict=True):
        groups.setdefault(batch.timestamps_ms[start : start + count].tobytes(), []).append(position)
    return [np.array(group) for group in groups.values()]


def _laid_end_to_end(flat: NDArray[Cell], starts: Counts, count: int) -> NDArray[Cell]:
    """The `count` elements of `flat` from each of `starts` (S,) on, as (S, count); a view if they follow each other."""
    first, series = int(starts[0]), len(starts)
    if bool((starts == first + np.arange(series) * count).all()):
        return flat[first : first + series * count].reshape(series, count)
    laid: NDArray[Cell] = flat[starts[:, None] + np.arange(count)]
    return laid


def _interval_ms(batch: PushedBatch, starts: Counts, position: int) -> int | None:
    count, start = int(batch.counts[position]), int(starts[position])
    if count < 2:
        return None
    times = batch.timestamps_ms[start : start + count]
    return max(1, int(times[-1] - times[0]) // (count - 1))


def batch_of(
    keys: list[bytes],
    labels_of: Callable[[bytes], Labels],
    counts: Counts,
    timestamps_ms: Timestamps,
    values: Values,
) -> PushedBatch:
    """A PushedBatch from series in any state: repeated keys, none or unordered or repeated samples."""
    if _is_ordered(counts, timestamps_ms) and len(set(keys)) == len(keys):
        return PushedBatch(keys, labels_of, counts, timestamps_ms, values)
    owner = np.repeat(np.arange(len(keys)), counts)
    number_by_key: dict[bytes, int] = {}
    series = np.array([number_by_key.setdefault(key, len(number_by_key)) for key in keys], np.intp)[owner]
    order = np.lexsort((timestamps_ms, series))
    series, timestamps_ms, values = series[order], timestamps_ms[order], values[order]
    is_first = (np.diff(series, prepend=-1) != 0) | (np.diff(timestamps_ms, prepend=timestamps_ms[:1]) != 0)
    series, timestamps_ms, values = series[is_first], timestamps_ms[is_first], values[is_first]
    per_key = np.bincount(series, minlength=len(number_by_key))
    used = [key for key, count in zip(number_by_key, per_key.tolist(), strict=True) if count]
    return PushedBatch(used, labels_of, per_key[per_key > 0], timestamps_ms, values)


def _is_ordered(counts: Counts, timestamps_ms: Timestamps) -> bool:
    """Whether every series has a sample, and its samples ascend."""
    if not bool((counts > 0).all()):
        return False
    ascends = timestamps_ms[1:] > timestamps_ms[:-1]
    ascends[np.cumsum(counts)[:-1] - 1] = True
    return bool(ascends.all())
