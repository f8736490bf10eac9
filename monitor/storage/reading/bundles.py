"""Many small sources as one bundle: what a selection costs for each of them is two slices, not an object of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from monitor.errors import CorruptData
from monitor.model.samples import Indices, Values
from monitor.storage.blocks.sections import OnDamage, Section, stripe_of
from monitor.storage.interfaces import Bundle, Stripe

CELLS_MAX = 1 << 15
"""A source with more is a stripe: the work on its samples is what it costs."""


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """The sources of a selection, to be read later. `others` are the keys of those that must be read in another way."""

    stripes: list[Stripe]
    bundle: Bundle | None
    others: set[str]


def pending_of(
    sections: Mapping[str, Sequence[Section | None]], start_ms: int, end_ms: int, on_damage: OnDamage
) -> Pending:
    """`sections` by source; None stands for what is in no order. See bundle_of for the rest.

    A large source with gaps must be read in another way.
    """
    small: list[list[Section]] = []
    lone_key = ""
    large: dict[str, list[Section]] = {}
    others = set()
    for key, found in sections.items():
        ready = [section for section in found if section is not None]
        if len(ready) < len(found):
            others.add(key)
        elif belongs_in_bundle(ready):
            small.append(ready)
            lone_key = key
        elif all(section.is_dense for section in ready):
            large[key] = ready
        else:
            others.add(key)
    if len(small) == 1 and all(section.is_dense for section in small[0]):
        large[lone_key] = small.pop()
    dense = [ready for ready in small if all(section.is_dense for section in ready)]
    gapped = [ready for ready in small if not all(section.is_dense for section in ready)]
    bundle = bundle_of([*dense, *gapped], len(dense), start_ms, end_ms, on_damage) if small else None
    stripes = []
    for key, ready in large.items():
        stripe = stripe_of(ready, start_ms, end_ms, on_damage)
        if stripe is None:
            others.add(key)
        elif len(stripe.timestamps_ms):
            stripes.append(stripe)
    return Pending(stripes, bundle, others)


def belongs_in_bundle(sections: Sequence[Section]) -> bool:
    """Whether the sections of one source have few samples, and the same series in order of time."""
    rows = sections[0].rows
    if len(sections) == 1:
        return len(rows) * len(sections[0].timestamps_ms) <= CELLS_MAX
    if len(rows) * sum([len(section.timestamps_ms) for section in sections]) > CELLS_MAX:
        return False
    return all(
        (later.rows is rows or later.rows.tobytes() == rows.tobytes())
        and later.timestamps_ms[0] > earlier.timestamps_ms[-1]
        for earlier, later in pairwise(sections)
    )


def bundle_of(
    sources: Sequence[Sequence[Section]], dense_sources: int, start_ms: int, end_ms: int, on_damage: OnDamage
) -> Bundle | None:
    """What the sources have from `start_ms` to `end_ms`, both inclusive; each one `belongs_in_bundle`.

    The first `dense_sources` have no gaps. `on_damage` is told before reading raises CorruptData.
    """
    sections = list(chain.from_iterable(sources))
    per_source = np.array([len(of_source) for of_source in sources], np.intp)
    windows = _Windows.of(sections, start_ms, end_ms)
    first_sections = np.cumsum(per_source) - per_source
    counts = np.add.reduceat(windows.end - windows.first, first_sections)
    used = np.flatnonzero(counts)
    if not len(used):
        return None
    rows = [sources[position][0].rows for position in used.tolist()]
    row_counts, sizes = np.array([len(each) for each in rows], np.intp), counts[used]
    vectors = _Vectors(
        sections,
        windows.first.tolist(),
        windows.end.tolist(),
        first_sections[used].tolist(),
        (first_sections + per_source)[used].tolist(),
        row_counts,
        sizes,
        on_damage,
    )
    dense_vectors = int(np.count_nonzero(counts[:dense_sources]))
    starts = np.cumsum(sizes) - sizes
    return Bundle(np.concatenate(rows), row_counts, windows.timestamps_ms, starts, vectors.read, dense_vectors)


class _Windows(NamedTuple):
    """The positions `first` to `end` - 1 of each section, and their timestamps laid end to end."""

    first: Indices
    end: Indices
    timestamps_ms: Indices

    @classmethod
    def of(cls, sections: Sequence[Section], start_ms: int, end_ms: int) -> _Windows:
        times = [section.timestamps_ms for section in sections]
        sizes = np.array([len(each) for each in times], np.intp)
        timestamps_ms = np.frombuffer(b"".join(times), np.int64)  # type: ignore[arg-type]
        too_early, not_too_late = timestamps_ms < start_ms, timestamps_ms <= end_ms
        if not too_early.any() and not_too_late.all():
            return cls(np.zeros(len(sizes), np.intp), sizes, timestamps_ms)
        starts = np.cumsum(sizes) - sizes
        first = np.add.reduceat(too_early, starts, dtype=np.intp)
        end = np.add.reduceat(not_too_late, starts, dtype=np.intp)
        return cls(first, end, timestamps_ms[not_too_late & ~too_early])


class _Vectors(NamedTuple):
    """The vectors of a bundle: vector v is made of the sections `begins[v]` to `stops[v]` - 1."""

    sections: Sequence[Section]
    first: Sequence[int]
    end: Sequence[int]
    begins: Sequence[int]
    stops: Sequence[int]
    row_counts: Indices
    sizes: Indices
    on_damage: OnDamage

    def read(self, first_vector: int, stop_vector: int) -> Values:
        """See Bundle.read_vectors."""
        chosen = slice(first_vector, stop_vector)
        cells = self.row_counts[chosen] * self.sizes[chosen]
        values = np.empty(int(cells.sum()))
        shapes = zip(self.row_counts[chosen].tolist(), self.sizes[chosen].tolist(), strict=True)
        position = 0
        try:
            for (rows, size), begin, stop in zip(shapes, self.begins[chosen], self.stops[chosen], strict=True):
                matrix = values[position : position + rows * size].reshape(rows, size)
                position += rows * size
                self._fill(matrix, begin, stop)
        except CorruptData as error:
            self.on_damage(error)
            raise
        return values

    def _fill(self, matrix: Values, begin: int, stop: int) -> None:
        column = 0
        for number in range(begin, stop):
            first, end = self.first[number], self.end[number]
            if first < end:
                self.sections[number].fill(first, end, matrix[:, column : column + end - first])
                column += end - first
