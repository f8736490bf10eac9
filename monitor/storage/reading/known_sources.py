"""What many small sources have, laid end to end and kept for the next query of the same series.

A dashboard or a group of rules asks for the same series over and over. Looking at every source anew costs more than
what is then done with a few rows of each: so only those are looked at that have changed since. Rows in memory are
copied, of cut chunks and blocks the timestamps are kept; their values are the slab cache's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from monitor.model.samples import Mask
from monitor.storage.blocks.block import Wanted
from monitor.storage.blocks.sections import Section, section_at_hand
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.reading.bundles import CELLS_MAX, SmallSources, belongs_in_bundle
from monitor.storage.reading.head_sections import HeadSections
from monitor.storage.reading.resolve import BlockMatch, Resolved, SourceMatch
from monitor.storage.reading.source_parts import HeadView, Reach, SourceParts

_SELECTION_BYTES, _SOURCE_BYTES = 16_384, 1_024
"""What a selection and each of its sources take beside the samples: label sets, matches, sections."""


class KnownInHead(NamedTuple):
    """All that a source of the head had at its `version` of a selection, for any time in `reach`: few cells."""

    key: str
    version: int
    reach: Reach
    sections: Sequence[Section]


class KnownInBlock(NamedTuple):
    """The sections of a block with the keys of their sources, for any time in which its vectors `in_time` are."""

    in_time: Mask
    sections: Sequence[tuple[str, Section]]


class TimeSpan(NamedTuple):
    """Inclusive at both ends."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class KnownSources:
    """What is known of a selection: of each of its sources in the head, None where nothing is, and of its blocks.

    Small sources of which everything is known are `together`, if there are two; the others are `apart`, by their keys.
    A reader that began before the append `serial` must not see as much, and one to which other chunks are `sealed` must
    not look for these. `rest_keys` are the sources of which there is more than is known.
    """

    head: Sequence[KnownInHead | None]
    blocks: Sequence[KnownInBlock | None]
    sealed: frozenset[int]
    serial: int = 0
    rest_keys: frozenset[str] = frozenset()
    together: SmallSources | None = None
    apart: Mapping[str, Sequence[Section]] = field(default_factory=dict)

    @classmethod
    def nothing(cls, resolved: Resolved, view: HeadView) -> KnownSources:
        return cls([None] * len(resolved.sources), [None] * len(resolved.blocks), view.sealed)

    @property
    def size_bytes(self) -> int:
        """But for the timestamps of sections: they are the slab cache's, too."""
        samples_bytes = 0 if self.together is None else self.together.size_bytes
        return _SELECTION_BYTES + _SOURCE_BYTES * len(self.head) + samples_bytes

    def changed(self, matches: Sequence[SourceMatch], view: HeadView, time: TimeSpan) -> dict[int, SourceParts]:
        """What there is of all sources of the head but those of which it is known; by their position.

        The head's lock is held.
        """
        sources = view.sources
        parts = {}
        for position, (match, known) in enumerate(zip(matches, self.head, strict=True)):
            if known is not None:
                source = sources.get(match.source_id)
                if source is not None and source.version == known.version and known.reach.covers(*time):
                    continue
            parts[position] = view.parts(match.source_id, *time)
        return parts

    def renewed(
        self,
        resolved: Resolved,
        parts: Mapping[int, SourceParts],
        view: HeadView,
        time: TimeSpan,
        head_sections: HeadSections,
        cache: SlabCache,
    ) -> tuple[KnownSources, dict[int, SourceParts]]:
        """With what a reader has just seen, and what cannot be known of that. Raises CorruptData."""
        head = list(self.head)
        for position, seen in parts.items():
            head[position] = _known_in_head(resolved.sources[position], seen, head_sections)
        rest = {position: seen for position, seen in parts.items() if head[position] is None and not seen.is_empty}
        rest_keys = frozenset([seen.key for seen in rest.values()])
        matches = zip(resolved.blocks, self.blocks, strict=True)
        blocks = [_known_in_block(match, known, time, cache) for match, known in matches]
        if rest_keys == self.rest_keys and _are_same(head, self.head) and _are_same(blocks, self.blocks):
            return self, rest
        return _assembled(head, blocks, rest_keys, view), rest


def _are_same(some: Sequence[object], others: Sequence[object]) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))


def _known_in_block(match: BlockMatch, known: KnownInBlock | None, time: TimeSpan, cache: SlabCache) -> KnownInBlock:
    in_time = match.block.vectors_in_time(*time)
    if known is not None and np.array_equal(known.in_time, in_time):
        return known
    return KnownInBlock(in_time, list(match.block.sections(Wanted(match.numbers, match.rows, *time), cache)))


def _known_in_head(match: SourceMatch, parts: SourceParts, head_sections: HeadSections) -> KnownInHead | None:
    """None unless all rows in memory are in one chunk, and the cells that are wanted few."""
    if len(parts.memory) != 1:
        return None
    (part,) = parts.memory
    in_layout = match.in_layout(part.layout)
    times = len(part.timestamps_ms) + sum([chunk.rows for chunk in parts.cut])
    if not (part.is_whole and part.is_ordered and 0 < len(in_layout.rows) * times <= CELLS_MAX):
        return None
    values = np.ascontiguousarray(part.values[: len(part.timestamps_ms), in_layout.columns].T)
    in_memory = section_at_hand(in_layout.rows, part.timestamps_ms, values, part.is_dense)
    sections = [*head_sections.of_cut(match, parts.cut), in_memory]
    return KnownInHead(parts.key, parts.version, parts.reach, sections) if belongs_in_bundle(sections) else None


def _assembled(
    head: Sequence[KnownInHead | None], blocks: Sequence[KnownInBlock], rest_keys: frozenset[str], view: HeadView
) -> KnownSources:
    """`rest_keys` are not those of any in `head`."""
    apart: dict[str, list[Section]] = {}
    small: dict[str, Sequence[Section]] = {known.key: known.sections for known in head if known is not None}
    if blocks:
        apart = _by_key(head, blocks)
        keys = [key for key, found in apart.items() if key not in rest_keys and belongs_in_bundle(found)]
        small = {key: apart.pop(key) for key in keys}
    if len(small) < 2:
        return KnownSources(head, blocks, view.sealed, view.serial, rest_keys, None, {**apart, **small})
    together = SmallSources.of(list(small.values()))
    return KnownSources(head, blocks, view.sealed, view.serial, rest_keys, together, apart)


def _by_key(head: Sequence[KnownInHead | None], blocks: Sequence[KnownInBlock]) -> dict[str, list[Section]]:
    sections: dict[str, list[Section]] = {}
    for block in blocks:
        for key, section in block.sections:
            sections.setdefault(key, []).append(section)
    for known in head:
        if known is not None:
            sections.setdefault(known.key, []).extend(known.sections)
    return sections


class RecentSources:
    """What is known for the selections used last, up to a number of bytes. Safe for several threads.

    One over an hour and one over a day have little in common: what is known is kept by the time's order of magnitude.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._known: OrderedDict[tuple[Resolved, int], tuple[KnownSources, int]] = OrderedDict()
        """And how many bytes it takes."""
        self._lock = threading.Lock()

    def get(self, resolved: Resolved, time: TimeSpan, view: HeadView) -> KnownSources:
        """Nothing, if what is known is not for this view's reader."""
        key = _key(resolved, time)
        with self._lock:
            known, _ = self._known.get(key, (None, 0))
            if known is None or known.serial > view.serial or known.sealed is not view.sealed:
                return KnownSources.nothing(resolved, view)
            self._known.move_to_end(key)
            return known

    def keep(self, resolved: Resolved, time: TimeSpan, known: KnownSources) -> None:
        """If there are small sources in it."""
        key, size_bytes = _key(resolved, time), known.size_bytes
        with self._lock:
            _, bytes_before = self._known.pop(key, (None, 0))
            self._bytes -= bytes_before
            if known.together is None or size_bytes > self._bytes_max:
                return
            self._known[key] = known, size_bytes
            self._bytes += size_bytes
            while self._bytes > self._bytes_max:
                _, (_, oldest_bytes) = self._known.popitem(last=False)
                self._bytes -= oldest_bytes


def _key(resolved: Resolved, time: TimeSpan) -> tuple[Resolved, int]:
    return resolved, (time.end_ms - time.start_ms).bit_length()
