"""Pushed samples as matrices: the series of a request that are appended to their source together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, pairwise
from typing import NamedTuple, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Timestamps, Values
from monitor.storage.head.chunk import ChunkLayout, Columns
from monitor.storage.head.series_table import SeriesNumbers, is_ascending

Cell = TypeVar("Cell", bound=np.generic)
Counts = NDArray[np.intp]
ColumnNumbers = NDArray[np.int32]
LabelSetsOf = Callable[[Sequence[bytes]], LabelFrame]
"""The label sets of keys, in order. May raise BadRequest."""
UNKNOWN = -1
"""Where a column would stand, of a series that is none."""


class KeptKeys(Protocol):
    """Keys that are kept because they come again, in the same order. It is known by its identity."""

    def __len__(self) -> int: ...

    def keys(self) -> list[bytes]: ...


@dataclass(frozen=True, slots=True, eq=False)
class KeyRun:
    """The keys from `first` to `end`, the latter not included."""

    kept: KeptKeys
    first: int
    end: int


class RunKeys(Sequence[bytes]):
    """Keys that are runs of kept ones: their numbers can be kept, too."""

    def __init__(self, runs: Sequence[KeyRun], keys: list[bytes] | None = None) -> None:
        self.runs = runs
        self._keys = keys

    def __len__(self) -> int:
        return sum(run.end - run.first for run in self.runs)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._all())

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        return self._all()[place]

    def all_of_kept(self) -> Iterator[Callable[[], list[bytes]]]:
        """For each run what gives all keys of which it is a part."""
        start = 0
        for run in self.runs:
            end = start + run.end - run.first
            is_whole = self._keys is not None and end - start == len(run.kept)
            yield partial(self._slice, start, end) if is_whole else run.kept.keys
            start = end

    def _slice(self, start: int, end: int) -> list[bytes]:
        return self._all()[start:end]

    def _all(self) -> list[bytes]:
        if self._keys is None:
            self._keys = [key for run in self.runs for key in run.kept.keys()[run.first : run.end]]
        return self._keys


@dataclass(frozen=True, slots=True, eq=False)
class PushedBatch:
    """Samples of K series, laid end to end.

    `keys` (K,) name the series as their sender does; `label_sets` turns keys into label sets and is asked only for
    those that are not known yet. Series k has `counts[k]` >= 1 samples, with timestamps that ascend strictly. Where a
    series comes more than once, the first of its samples at a time counts.
    """

    keys: Sequence[bytes]
    label_sets: LabelSetsOf
    counts: Counts
    timestamps_ms: Timestamps
    values: Values

    @property
    def starts(self) -> Counts:
        """Where the samples of each series begin, (K,)."""
        starts: Counts = np.cumsum(self.counts) - self.counts
        return starts

    def taken(self, positions: Rows) -> PushedBatch:
        """The series at `positions`, in that order."""
        counts = self.counts[positions]
        samples = np.repeat(self.starts[positions] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        keys = [self.keys[position] for position in positions.tolist()]
        return PushedBatch(keys, self.label_sets, counts, self.timestamps_ms[samples], self.values[samples])


class PushedRows(NamedTuple):
    """`values` (T, S) at `timestamps_ms` (T,) of series of one source, those at `members` (S,) of a batch.

    `columns` are theirs in the layout of the source; None if it lacks some of them.
    """

    source_id: int
    members: Rows
    columns: Columns | None
    timestamps_ms: Timestamps
    values: Values


@dataclass(frozen=True, slots=True, eq=False)
class TimedSeries:
    """Those of the series asked for that have the same timestamps, at `members` (S,).

    `interval_ms` is the time between two timestamps on average; None if there are not two.
    """

    members: Rows
    interval_ms: int | None


class SourceColumns:
    """The columns of series in the layouts of their sources, of all sources at once."""

    def __init__(self) -> None:
        self._columns: ColumnNumbers = np.empty(0, np.int32)
        self._layouts: dict[int, ChunkLayout] = {}
        self._noted: set[int] = set()
        """The sources whose layouts came after the last call of `of`."""

    def of(self, numbers: SeriesNumbers) -> ColumnNumbers:
        """The column of each series (S,); UNKNOWN if there is none in the last layout that was noted."""
        self._noted.clear()
        known = self._columns
        if not len(numbers) or int(numbers.max()) < len(known):
            return known[numbers]
        return np.where(numbers < len(known), np.append(known, UNKNOWN)[np.minimum(numbers, len(known))], UNKNOWN)

    def is_current(self, source_id: int, layout: ChunkLayout) -> bool:
        """Whether what `of` said last holds in this layout of the source."""
        return source_id not in self._noted and self._layouts.get(source_id) is layout

    def note(self, source_id: int, layout: ChunkLayout, series: int) -> None:
        """The layout of a source, of one table with so many `series`."""
        if series > len(self._columns):
            spare = np.full(max(series, 2 * len(self._columns)) - len(self._columns), UNKNOWN, np.int32)
            self._columns = np.concatenate([self._columns, spare])
        before = self._layouts.get(source_id)
        if before is not None:
            self._columns[before.numbers] = UNKNOWN
        self._columns[layout.numbers] = np.arange(len(layout.numbers))
        self._layouts[source_id] = layout
        self._noted.add(source_id)


def rows_by_source(batch: PushedBatch, source_ids: NDArray[np.int64], columns: ColumnNumbers) -> Iterator[PushedRows]:
    """The samples of the batch, given the sources and columns of its series (K,), in few matrices."""
    starts = batch.starts
    for count, counted in _by_count(batch.counts):
        times = _laid_end_to_end(batch.timestamps_ms, starts[counted], count)
        order = np.lexsort((times[:, 0], source_ids[counted]))
        alike, times = counted[order], times[order]
        values = _laid_end_to_end(batch.values, starts[alike], count)
        for first, end, chosen in _runs(source_ids[alike], times, columns[alike]):
            members = alike[first:end]
            yield PushedRows(int(source_ids[members[0]]), members, chosen, times[first], values[first:end].T)


def _runs(
    source_ids: NDArray[np.int64], times: Timestamps, columns: ColumnNumbers
) -> Iterator[tuple[int, int, Columns | None]]:
    """From where to where series of equal sources and `times` (P, T) stand, and their columns."""
    is_first = np.ones(len(source_ids), np.bool_)
    is_first[1:] = (source_ids[1:] != source_ids[:-1]) | (times[1:] != times[:-1]).any(axis=1)
    bounds = [*np.flatnonzero(is_first).tolist(), len(source_ids)]
    lowest = np.minimum.reduceat(columns, bounds[:-1]).tolist()
    # How often, up to each series, a column was not the one behind the last.
    breaks = np.cumsum(np.diff(columns, prepend=columns[0]) != 1)
    is_range = (breaks[np.array(bounds[1:]) - 1] == breaks[bounds[:-1]]).tolist()
    for (first, end), low, follows in zip(pairwise(bounds), lowest, is_range, strict=True):
        if low == UNKNOWN:
            yield first, end, None
        else:
            yield first, end, slice(low, low + end - first) if follows else columns[first:end]


def _by_count(counts: Counts) -> Iterator[tuple[int, Rows]]:
    """Each different count, and where it stands."""
    if len(counts) and bool((counts == counts[0]).all()):
        yield int(counts[0]), np.arange(len(counts))
        return
    for count in np.unique(counts).tolist():
        yield count, np.flatnonzero(counts == count)


def _laid_end_to_end(flat: NDArray[Cell], starts: Counts, count: int) -> NDArray[Cell]:
    """The `count` elements of `flat` from each of `starts` (S,) on, as (S, count); a view if they follow each other."""
    first, series = int(starts[0]), len(starts)
    if bool((starts == first + np.arange(series) * count).all()):
        return flat[first : first + series * count].reshape(series, count)
    laid: NDArray[Cell] = flat[starts[:, None] + np.arange(count)]
    return laid


def equally_timed(batch: PushedBatch, positions: Rows) -> list[TimedSeries]:
    """The series at `positions` in groups of equal timestamps, in the order of their first ones.

    New series are numbered in this order, and where values are equal it tells which of them topk takes, as upstream.
    """
    starts, found = batch.starts[positions], []
    for count, alike in _by_count(batch.counts[positions]):
        times = _laid_end_to_end(batch.timestamps_ms, starts[alike], count)
        is_first = np.ones(len(alike), np.bool_)
        is_first[1:] = (times[1:] != times[:-1]).any(axis=1)
        groups: dict[bytes, list[Rows]] = {}
        for first, end in pairwise([*np.flatnonzero(is_first).tolist(), len(alike)]):
            groups.setdefault(times[first].tobytes(), []).append(alike[first:end])
        for key, members in groups.items():
            found.append(TimedSeries(np.concatenate(members), _interval_ms(np.frombuffer(key, np.int64))))
    return sorted(found, key=lambda group: int(group.members[0]))


def _interval_ms(timestamps_ms: Timestamps) -> int | None:
    if len(timestamps_ms) < 2:
        return None
    return max(1, int(timestamps_ms[-1] - timestamps_ms[0]) // (len(timestamps_ms) - 1))


def batch_of(
    keys: Sequence[bytes], label_sets: LabelSetsOf, counts: Counts, timestamps_ms: Timestamps, values: Values
) -> PushedBatch:
    """A PushedBatch from series in any state: with no samples, with unordered or repeated ones."""
    batch = PushedBatch(keys, label_sets, counts, timestamps_ms, values)
    return batch if _is_ordered(counts, timestamps_ms) else _in_order(batch, keys, np.arange(len(keys)))


def united(batch: PushedBatch, numbers: SeriesNumbers) -> tuple[PushedBatch, SeriesNumbers]:
    """The batch with each series once, and the numbers of these, given those of its K series."""
    if is_ascending(np.sort(numbers)):
        return batch, numbers
    first, series = np.unique(numbers, return_index=True, return_inverse=True)[1:]
    return _in_order(batch, [batch.keys[position] for position in first.tolist()], series), numbers[first]


def _in_order(batch: PushedBatch, keys: Sequence[bytes], series: Rows) -> PushedBatch:
    """The samples of the batch by series and time, given which of `keys` each of its series (K,) is."""
    of_sample, timestamps_ms, values = np.repeat(series, batch.counts), batch.timestamps_ms, batch.values
    order = np.lexsort((timestamps_ms, of_sample))
    of_sample, timestamps_ms, values = of_sample[order], timestamps_ms[order], values[order]
    is_first = (np.diff(of_sample, prepend=-1) != 0) | (np.diff(timestamps_ms, prepend=timestamps_ms[:1]) != 0)
    counts = np.bincount(of_sample[is_first], minlength=len(keys))
    used = list(compress(keys, (counts > 0).tolist()))
    return PushedBatch(used, batch.label_sets, counts[counts > 0], timestamps_ms[is_first], values[is_first])


def _is_ordered(counts: Counts, timestamps_ms: Timestamps) -> bool:
    """Whether every series has a sample, and its samples ascend."""
    if not bool((counts > 0).all()):
        return False
    if len(counts) == len(timestamps_ms):
        return True
    ascends = timestamps_ms[1:] > timestamps_ms[:-1]
    ascends[np.cumsum(counts)[:-1] - 1] = True
    return bool(ascends.all())
