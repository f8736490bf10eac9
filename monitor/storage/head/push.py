"""Pushed series: which of them form a source, and how their samples get there.

A pushed series comes alone, with its own timestamps. Series that first come with the same timestamps in one request
(as those of one scraped target do) become one source and share a timestamp vector from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.model.samples import Timestamps, Values
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesTable
from monitor.storage.head.source import Source

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


@dataclass(frozen=True, slots=True)
class PushedSeries:
    """Where a known series goes."""

    source: Source
    number: int


class PushSources:
    """Takes pushed samples into the head. Call it under no lock, from any thread.

    Pushers take turns; the head is locked for the samples of one source at a time, so that scrapes are not kept waiting
    by a large request.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._lock = threading.Lock()
        self._table: SeriesTable | None = None
        self._known: dict[bytes, PushedSeries] = {}
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
            self._append_known(batch, starts, list(range(len(batch.keys))))
            return self._head.state.refused_samples - refused_before

    def _series_of(self, batch: PushedBatch, starts: Counts) -> list[PushedSeries]:
        if self._table is not self._head.state.table:
            # Series numbers have changed: every series is looked up by its labels when it comes again.
            self._table, self._known = self._head.state.table, {}
        unknown = [position for position, key in enumerate(batch.keys) if key not in self._known]
        if unknown:
            self._adopt(batch, starts, unknown)
        return [self._known[key] for key in batch.keys]

    def _append_known(self, batch: PushedBatch, starts: Counts, waiting: list[int]) -> None:
        """Appends the series at the positions `waiting`, source by source."""
        while waiting:
            series = self._series_of(batch, starts)
            table, done = self._table, set[int]()
            of_source: dict[Source, list[int]] = {}
            for position in waiting:
                of_source.setdefault(series[position].source, []).append(position)
            for source, positions in of_source.items():
                with self._head.state.lock:
                    if self._head.state.table is not table:
                        break  # the numbers in `series` mean nothing any more
                    self._append_to(source, batch, starts, positions, series)
                done.update(positions)
            waiting = [position for position in waiting if position not in done]

    def _append_to(
        self, source: Source, batch: PushedBatch, starts: Counts, positions: list[int], series: list[PushedSeries]
    ) -> None:
        source.trim()
        with self._head.state.taking_any_age(self._is_backfill):
            self._append_groups(source, batch, starts, positions, series)

    def _append_groups(
        self, source: Source, batch: PushedBatch, starts: Counts, positions: list[int], series: list[PushedSeries]
    ) -> None:
        for group in _equally_timed(batch, starts, np.array(positions)):
            numbers = np.array([series[position].number for position in group.tolist()], np.uint32)
            columns = source.columns_for(numbers)
            first, count = int(starts[group[0]]), int(batch.counts[group[0]])
            values = batch.values[starts[group][None, :] + np.arange(count)[:, None]]
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
                self._learn(batch, positions, found)
        for group in _equally_timed(batch, starts, np.array(list(fresh), np.intp)):
            new = [fresh[position] for position in group.tolist()]
            with self._head.state.lock:
                source = self._open_source(_interval_ms(batch, starts, int(group[0])))
                numbers = source.numbers_for(LabelFrame.of(new))
            for labels, number in zip(new, numbers.tolist(), strict=True):
                self._learn(batch, positions_by_labels[labels], PushedSeries(source, number))

    def _learn(self, batch: PushedBatch, positions: list[int], series: PushedSeries) -> None:
        for position in positions:
            self._known[batch.keys[position]] = series

    def _open_source(self, interval_ms: int | None) -> Source:
        return self._head.open_source(f"{KEY_PREFIX}{self._head.state.take_id()}", interval_ms)

    def _find(self, labels: Labels) -> PushedSeries | None:
        """The pushed series of the head with exactly these labels."""
        state = self._head.state
        selector = tuple(Matcher(name, MatchOp.EQUAL, value) for name, value in labels.items())
        numbers = state.table.select(selector)
        for batch, part in state.table.split(numbers):
            source = state.sources.get(batch.source_id)
            if source is None or not source.key.startswith(KEY_PREFIX):
                continue
            for number, found in zip(part.tolist(), state.table.labels(part).all_labels(), strict=True):
                if found == labels:
                    return PushedSeries(source, number)
        return None


def _equally_timed(batch: PushedBatch, starts: Counts, positions: Counts) -> list[Counts]:
    """The series at `positions` in groups of equal timestamps."""
    if not len(positions):
        return []
    first, counts = starts[positions], batch.counts[positions]
    if bool((counts == counts[0]).all()):
        times = batch.timestamps_ms[first[:, None] + np.arange(counts[0])]
        if bool((times == times[0]).all()):
            return [positions]
    groups: dict[bytes, list[int]] = {}
    for position, start, count in zip(positions.tolist(), first.tolist(), counts.tolist(), strict=True):
        groups.setdefault(batch.timestamps_ms[start : start + count].tobytes(), []).append(position)
    return [np.array(group) for group in groups.values()]


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
    owner = np.repeat(np.arange(len(keys)), counts)
    in_order = (np.diff(timestamps_ms) > 0) | (np.diff(owner) > 0)
    if bool(in_order.all()) and bool((counts > 0).all()) and len(set(keys)) == len(keys):
        return PushedBatch(keys, labels_of, counts, timestamps_ms, values)
    number_by_key: dict[bytes, int] = {}
    series = np.array([number_by_key.setdefault(key, len(number_by_key)) for key in keys], np.intp)[owner]
    order = np.lexsort((timestamps_ms, series))
    series, timestamps_ms, values = series[order], timestamps_ms[order], values[order]
    is_first = (np.diff(series, prepend=-1) != 0) | (np.diff(timestamps_ms, prepend=timestamps_ms[:1]) != 0)
    series, timestamps_ms, values = series[is_first], timestamps_ms[is_first], values[is_first]
    per_key = np.bincount(series, minlength=len(number_by_key))
    used = [key for key, count in zip(number_by_key, per_key.tolist(), strict=True) if count]
    return PushedBatch(used, labels_of, per_key[per_key > 0], timestamps_ms, values)
