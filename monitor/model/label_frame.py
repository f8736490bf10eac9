"""Many label sets at once, as columns.

A LabelFrame of S label sets has one LabelColumn for each label name that occurs: an int32 code per set and the values
that the codes stand for. Code 0 is always the empty string, which means "this set has no such label". Grouping,
joining and dropping labels are then a few array operations for any S, and no Python object exists per series.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.model.labels import Labels

Codes = NDArray[np.int32]
Rows = NDArray[np.intp]

_COMPACT_BEYOND = 2**62
_FEW_SETS = 64
"""Up to so many, looking at every code takes less time than finding out which are used."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelColumn:
    """The values of one label: `values[codes[s]]` for set s. `values[0]` is "", and no value occurs twice.

    `values` may be shared with other columns and hold more than this column uses.
    """

    codes: Codes
    values: Sequence[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> LabelColumn:
        """A column from one text per set."""
        code_by_value = {"": 0}
        codes = [code_by_value.setdefault(text, len(code_by_value)) for text in texts]
        return cls(np.array(codes, np.int32), tuple(code_by_value))

    @classmethod
    def constant(cls, text: str, size: int) -> LabelColumn:
        code = 1 if text else 0
        return cls(np.full(size, code, np.int32), ("", text) if text else ("",))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> LabelColumn:
        return LabelColumn(self.codes[rows], self.values)

    def texts(self) -> list[str]:
        values = self.values
        return [values[code] for code in self.codes.tolist()]

    def used(self) -> NDArray[np.int32]:
        """The codes that occur, ascending."""
        return np.unique(self.codes)

    def ranks(self) -> NDArray[np.int32]:
        """For each set, the rank of its value among the used values in byte order."""
        used = self.used()
        order = sorted(range(len(used)), key=lambda i: self.values[int(used[i])])
        rank_by_position = np.empty(len(used), np.int32)
        rank_by_position[order] = np.arange(len(used), dtype=np.int32)
        return rank_by_position[np.searchsorted(used, self.codes)]

    def recoded(self, code_by_value: dict[str, int]) -> Codes:
        """The codes under another numbering; values not in it yet are added to it."""
        if len(self.codes) <= _FEW_SETS:
            values = self.values
            codes = [code_by_value.setdefault(values[code], len(code_by_value)) for code in self.codes.tolist()]
            return np.array(codes, np.int32)
        used = self.used()
        lookup = [code_by_value.setdefault(self.values[code], len(code_by_value)) for code in used.tolist()]
        return np.array(lookup, np.int32)[np.searchsorted(used, self.codes)]


def concat_columns(columns: Sequence[LabelColumn]) -> LabelColumn:
    """One column of all the sets of `columns`, in order."""
    first = columns[0]
    if all(column.values is first.values for column in columns):
        return LabelColumn(np.concatenate([column.codes for column in columns]), first.values)
    code_by_value = {"": 0}
    codes = [column.recoded(code_by_value) for column in columns]
    return LabelColumn(np.concatenate(codes), tuple(code_by_value))


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """S sets divided into G groups, numbered in order of first appearance.

    `group` (S,) is the group of each set; `first` (G,) a set of each group, its first.
    """

    group: Rows
    first: Rows

    @property
    def size(self) -> int:
        return len(self.first)


class LabelFrame:
    """S label sets. Columns that are empty in every set may be present or not: it makes no difference."""

    __slots__ = ("columns", "size")

    def __init__(self, size: int, columns: Mapping[str, LabelColumn]) -> None:
        self.size = size
        self.columns = dict(columns)

    @classmethod
    def of(cls, label_sets: Sequence[Mapping[str, str]]) -> LabelFrame:
        names = sorted({name for labels in label_sets for name in labels})
        columns = {name: LabelColumn.of(labels.get(name, "") for labels in label_sets) for name in names}
        return cls(len(label_sets), columns)

    @classmethod
    def concat(cls, frames: Sequence[LabelFrame]) -> LabelFrame:
        """All sets of `frames`, in order."""
        if len(frames) == 1:
            return frames[0]
        names = sorted({name for frame in frames for name in frame.columns})
        columns = {name: concat_columns([frame.column(name) for frame in frames]) for name in names}
        return cls(sum(frame.size for frame in frames), columns)

    def __len__(self) -> int:
        return self.size

    def column(self, name: str) -> LabelColumn:
        """The column of `name`; all empty if no set has it."""
        return self.columns.get(name) or LabelColumn(np.zeros(self.size, np.int32), ("",))

    def names(self) -> list[str]:
        """The label names that occur in some set, sorted."""
        return sorted(name for name, column in self.columns.items() if column.codes.any())

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> LabelFrame:
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        size = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
        return LabelFrame(size, columns)

    def keep(self, names: Collection[str]) -> LabelFrame:
        kept = {name: self.columns[name] for name in names if name in self.columns}
        return LabelFrame(self.size, kept)

    def drop(self, names: Collection[str]) -> LabelFrame:
        kept = {name: column for name, column in self.columns.items() if name not in names}
        return LabelFrame(self.size, kept)

    def with_column(self, name: str, column: LabelColumn) -> LabelFrame:
        assert len(column.codes) == self.size, f"BUG: got {len(column.codes)} codes, want {self.size}"
        return LabelFrame(self.size, {**self.columns, name: column})

    def group(self, names: Collection[str] | None = None) -> Grouping:
        """Groups of sets that are equal in `names` (in all labels if None)."""
        chosen = self.columns if names is None else {n: self.columns[n] for n in names if n in self.columns}
        return group_codes(self.size, [column.codes for column in chosen.values()])

    def duplicate(self) -> int | None:
        """The second of two equal label sets, if there are any."""
        grouping = self.group()
        if grouping.size == self.size:
            return None
        repeats = np.ones(self.size, np.bool_)
        repeats[grouping.first] = False
        return int(np.flatnonzero(repeats)[0])

    def order(self) -> Rows:
        """The permutation that sorts the sets as Prometheus sorts label sets (see Labels.__lt__)."""
        keys: list[NDArray[np.int32]] = []
        more_after = np.zeros(self.size, np.bool_)
        for name in reversed(self.names()):
            column = self.columns[name]
            missing = column.codes == 0
            # A set without this name sorts behind those with it, for its next name is greater;
            # unless it has no further name at all: then it is their prefix and sorts before.
            ranks = column.ranks()
            keys.append(np.where(missing, np.where(more_after, len(ranks) + 1, -1), ranks))
            more_after = more_after | ~missing
        if not keys:
            return np.arange(self.size)
        return np.lexsort(keys)

    def labels(self, row: int) -> Labels:
        return Labels({name: column.values[column.codes[row]] for name, column in self.columns.items()})

    def all_labels(self) -> list[Labels]:
        names = self.names()
        texts = [self.columns[name].texts() for name in names]
        return (
            [Labels(zip(names, row, strict=True)) for row in zip(*texts, strict=True)]
            if names
            else [Labels() for _ in range(self.size)]
        )


def group_codes(size: int, codes: Sequence[NDArray[np.integer]]) -> Grouping:
    """Groups of rows that are equal in every array of `codes`, each (size,) and >= 0."""
    key = np.zeros(size, np.int64)
    span = 1
    for column in codes:
        width = int(column.max(initial=0)) + 1
        if width == 1:
            continue
        if span * width > _COMPACT_BEYOND:
            _, key = np.unique(key, return_inverse=True)
            span = int(key.max(initial=0)) + 1
        key = key * width + column
        span *= width
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    by_appearance = np.argsort(first, kind="stable")
    number = np.empty(len(first), np.intp)
    number[by_appearance] = np.arange(len(first))
    return Grouping(number[group], first[by_appearance])


def run_bounds(values: NDArray[np.integer]) -> list[int]:
    """Where runs of equal values begin, and where the last one ends."""
    # np.diff with something before the first takes ten times as long for a few values.
    starts = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    return [0, *starts, len(values)] if len(values) else [0]


def sets_by_code(codes: Codes) -> Iterator[tuple[int, Rows]]:
    """Each code that occurs but 0, ascending, and the sets that have it, ascending."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    for start, end in pairwise(run_bounds(ordered)):
        code = int(ordered[start])
        if code:
            yield code, order[start:end]


def shared_codes(frames: Sequence[LabelFrame], names: Iterable[str]) -> list[list[Codes]]:
    """For each frame its codes of `names`, renumbered so that equal values have equal codes across frames."""
    result: list[list[Codes]] = [[] for _ in frames]
    for name in names:
        columns = [frame.column(name) for frame in frames]
        first = columns[0]
        if all(column.values is first.values for column in columns):
            recoded = [column.codes for column in columns]
        else:
            code_by_value = {"": 0}
            recoded = [column.recoded(code_by_value) for column in columns]
        for codes, column_codes in zip(result, recoded, strict=True):
            codes.append(column_codes)
    return result
