"""The rows in memory of many small sources, laid end to end and kept for the next query of the same series.

A dashboard or a group of rules asks for the same series over and over. Looking at every source anew costs more than
what is then done with a few rows of each: so only those are looked at that have changed since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.storage.blocks.sections import Section, section_at_hand
from monitor.storage.reading.bundles import CELLS_MAX, SmallSources
from monitor.storage.reading.resolve import Resolved, SourceMatch
from monitor.storage.reading.source_parts import HeadView, SourceParts

SOURCES_MIN = 2
"""A lone source is looked at anew each time."""
_SOURCE_BYTES = 500
"""What a known source takes beside its samples."""


class KnownSource(NamedTuple):
    """The series of a selection in all rows that a source had in memory at its `version`: few cells, in order."""

    key: str
    version: int
    section: Section


@dataclass(frozen=True, slots=True, eq=False)
class KnownRows:
    """What is known of each source of a selection, None where nothing is, and those that are known together.

    A reader that began before the append `serial` must not see as much. `small` is None if fewer than two are known.
    """

    sources: Sequence[KnownSource | None]
    serial: int = 0
    small: SmallSources | None = None

    @property
    def size_bytes(self) -> int:
        return _SOURCE_BYTES * len(self.sources) + (0 if self.small is None else self.small.size_bytes)

    def changed(
        self, matches: Sequence[SourceMatch], view: HeadView, start_ms: int, end_ms: int
    ) -> dict[int, SourceParts]:
        """What there is of all sources but those of which all that there is in this time is known; by their position.

        The head's lock is held.
        """
        sources = view.sources
        parts = {}
        for position, (match, known) in enumerate(zip(matches, self.sources, strict=True)):
            if known is not None:
                source = sources.get(match.source_id)
                if source is not None and source.version == known.version and source.cut_max_ms < start_ms:
                    continue
            parts[position] = view.parts(match.source_id, start_ms, end_ms)
        return parts

    def renewed(
        self, matches: Sequence[SourceMatch], parts: Mapping[int, SourceParts], serial: int
    ) -> tuple[KnownRows, dict[int, SourceParts]]:
        """With what a reader that began after the append `serial` has just seen, and what cannot be known of that."""
        sources = list(self.sources)
        rest = {}
        for position, seen in parts.items():
            known = sources[position]
            is_current = known is not None and known.version == seen.version
            if not is_current:
                sources[position] = _known_source(matches[position], seen)
            if seen.cut or sources[position] is None:
                rest[position] = seen
        if all(known is before for known, before in zip(sources, self.sources, strict=True)):
            return self, rest
        return _laid_together(sources, serial), rest


def _known_source(match: SourceMatch, parts: SourceParts) -> KnownSource | None:
    """None unless all rows are in one chunk in memory, and the cells that are wanted of them few."""
    if parts.cut or len(parts.memory) != 1:
        return None
    (part,) = parts.memory
    in_layout = match.in_layout(part.layout)
    rows, times_ms = in_layout.rows, part.timestamps_ms
    if not (part.is_whole and part.is_ordered and 0 < len(rows) * len(times_ms) <= CELLS_MAX):
        return None
    values = np.ascontiguousarray(part.values[: len(times_ms), in_layout.columns].T)
    return KnownSource(parts.key, parts.version, section_at_hand(rows, times_ms, values, part.is_dense))


def _laid_together(sources: Sequence[KnownSource | None], serial: int) -> KnownRows:
    """The sources as parts of arrays that they share: those that they were parts of may go."""
    known = [(position, source) for position, source in enumerate(sources) if source is not None]
    if len(known) < 2:
        return KnownRows(sources, serial)
    known.sort(key=lambda each: not each[1].section.is_dense)
    small = SmallSources.of([[source.section] for _, source in known]).settled()
    together = list(sources)
    for (position, source), section in zip(known, small.sections, strict=True):
        together[position] = source._replace(section=section)
    return KnownRows(together, serial, small)


class RecentRows:
    """What is known for the selections used last, up to a number of bytes. Safe for several threads."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._known: OrderedDict[Resolved, KnownRows] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, resolved: Resolved, serial: int) -> KnownRows:
        """Nothing, if it is more than a reader that began after the append `serial` may see."""
        with self._lock:
            known = self._known.get(resolved)
            if known is None or known.serial > serial:
                return KnownRows([None] * len(resolved.sources))
            self._known.move_to_end(resolved)
            return known

    def keep(self, resolved: Resolved, known: KnownRows) -> None:
        with self._lock:
            before = self._known.pop(resolved, None)
            self._bytes -= before.size_bytes if before else 0
            if known.small is None or known.size_bytes > self._bytes_max:
                return
            self._known[resolved] = known
            self._bytes += known.size_bytes
            while self._bytes > self._bytes_max:
                _, oldest = self._known.popitem(last=False)
                self._bytes -= oldest.size_bytes
