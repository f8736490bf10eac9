"""A consistent view of head and blocks."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from monitor.errors import CorruptData
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.samples import ABSENT, Timestamps, Values, is_absent
from monitor.storage.blocks.block import EMPTY_PIECE, Block, Wanted
from monitor.storage.blocks.label_index import Postings
from monitor.storage.blocks.pieces import Piece, clip, stripes_of
from monitor.storage.blocks.sections import Section
from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.blocks.slab_codec import decode_timestamps, decode_values
from monitor.storage.damage import DamageLog
from monitor.storage.deletion.tombstones import Erasure, Tombstone, erase, erased_rows, erasures_of
from monitor.storage.head.head import Head
from monitor.storage.head.series_table import SeriesTable
from monitor.storage.head.source import CutChunk
from monitor.storage.interfaces import Bundle, Selection, SelectionSize, Selector, Stripe
from monitor.storage.journal.journal import slab_id_of
from monitor.storage.journal.slab_reader import SlabReaders
from monitor.storage.reading.bundles import pending_of
from monitor.storage.reading.head_sections import HeadSections
from monitor.storage.reading.hidden_labels import without_components
from monitor.storage.reading.known_sources import KnownSources, RecentSources, TimeSpan
from monitor.storage.reading.resolve import (
    BlockMatch,
    LayoutMatch,
    ResolveCache,
    Resolved,
    SourceMatch,
    narrowed,
    unite,
)
from monitor.storage.reading.sizes import guessed_samples, rows_inside, share_of
from monitor.storage.reading.source_parts import HeadView, MemoryPart, SourceParts

ALL_TIME_MS = (-(2**62), 2**62)
WARNINGS_MAX = 10
"""Damaged places that one answer names."""


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """The blocks, and the cut chunks that are in one of them although the head still has them."""

    blocks: tuple[Block, ...] = ()
    chunk_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Remains:
    """What a reader has to pass over: deleted samples that are still there, and damaged data."""

    tombstones: tuple[Tombstone, ...]
    damages: DamageLog


class LeftOut:
    """The damaged data that one selection had to do without."""

    def __init__(self, damages: DamageLog) -> None:
        self._damages = damages
        self._places: dict[str, None] = {}

    def note(self, error: CorruptData) -> None:
        self._damages.note(error)
        self._places[str(error)] = None

    def warnings(self) -> tuple[str, ...]:
        places = [f"damaged data is left out: {place}" for place in self._places]
        more = len(places) - WARNINGS_MAX
        return (*places[:WARNINGS_MAX], f"and {more} more damaged places") if more > 0 else tuple(places)


class StoreReader:
    """See storage/interfaces.Reader. Made and ended by Store.reader; for one thread."""

    def __init__(
        self,
        head: Head,
        sealed: Sealed,
        slabs: SlabReaders,
        cache: SlabCache,
        selections: ResolveCache,
        recent_sources: RecentSources,
        remains: Remains,
    ) -> None:
        self._head = head
        self._view = HeadView(head.state.sources, head.state.serial, sealed.chunk_ids)
        self._blocks = sealed.blocks
        self._slabs = slabs
        self._cache = cache
        self._selections = selections
        self._recent_sources = recent_sources
        self._head_sections = HeadSections(slabs, cache)
        self._remains = remains

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        pending = self._pending(selector, start_ms, end_ms)
        if pending is not None:
            return pending
        resolved, parts = self._resolve(selector, start_ms, end_ms)
        return self._selection(resolved, parts, start_ms, end_ms)

    def _pending(self, selector: Selector, start_ms: int, end_ms: int) -> Selection | None:
        """A selection that is read when it is needed, or most of it; None if samples must be seen before.

        They must where deletions or damage are about, and where a series is in two places at once.
        """
        if self._remains.tombstones or self._remains.damages.places or any(block.damage for block in self._blocks):
            return None
        try:
            resolved, known, rest = self._look(selector, start_ms, end_ms)
            sections = self._sections(resolved, known, rest)
        except CorruptData as error:
            self._remains.damages.note(error)
            return None
        found = pending_of(sections, start_ms, end_ms, self._remains.damages.note)
        left_out = LeftOut(self._remains.damages)
        apart = found.stripes
        if found.others:
            again, parts = self._resolve(selector, start_ms, end_ms)
            if again is not resolved:
                return None
            pieces = self._pieces(resolved, parts, start_ms, end_ms, (), left_out, found.others)
            apart += stripes_of(pieces.values(), resolved.labels.size)
        bundle = found.bundle
        if known.together is not None:
            apart += () if bundle is None else bundle.stripes()
            bundle = known.together.bundle(start_ms, end_ms, self._remains.damages.note)
        if _has_twins(apart, bundle):
            return None
        return Selection(resolved.labels, tuple(apart), left_out.warnings(), bundle)

    def _look(
        self, selector: Selector, start_ms: int, end_ms: int
    ) -> tuple[Resolved, KnownSources, dict[int, SourceParts]]:
        """What matches, what is known of it, and the rest by the positions of its sources. Raises CorruptData."""
        state, view, time = self._head.state, self._view, TimeSpan(start_ms, end_ms)
        while True:
            table = state.table
            resolved = self._resolved(selector, table, start_ms, end_ms)
            known = self._recent_sources.get(resolved, time, view)
            with state.lock:
                # Series numbers of an older table mean other series in today's layouts.
                if state.table is table:
                    parts = known.changed(resolved.sources, view, time)
                    break
        renewed, rest = known.renewed(resolved, parts, view, time, self._head_sections, self._cache)
        if renewed is not known:
            self._recent_sources.keep(resolved, time, renewed)
        return resolved, renewed, rest

    def _sections(
        self, resolved: Resolved, known: KnownSources, rest: Mapping[int, SourceParts]
    ) -> dict[str, list[Section | None]]:
        """By source, without those that are known together. Raises CorruptData."""
        sections: dict[str, list[Section | None]] = {key: list(found) for key, found in known.apart.items()}
        for position, parts in rest.items():
            found = self._head_sections.of_source(resolved.sources[position], parts)
            if found:
                sections.setdefault(parts.key, []).extend(found)
        return sections

    def select_some(
        self, selector: Selector, start_ms: int, end_ms: int, choose: Callable[[LabelFrame], Rows]
    ) -> Selection:
        """As `select`, with samples of some series only: `choose` is given all S label sets and gives their rows."""
        resolved, parts = self._resolve(selector, start_ms, end_ms)
        is_chosen = np.zeros(resolved.labels.size, np.bool_)
        is_chosen[choose(resolved.labels)] = True
        return self._selection(narrowed(resolved, is_chosen), parts, start_ms, end_ms)

    def _selection(self, resolved: Resolved, parts: list[SourceParts], start_ms: int, end_ms: int) -> Selection:
        erasures = erasures_of(self._remains.tombstones, resolved.labels)
        left_out = LeftOut(self._remains.damages)
        for block in self._blocks:
            if block.damage and block.overlaps(start_ms, end_ms):
                left_out.note(CorruptData(block.damage))
        by_source = self._pieces(resolved, parts, start_ms, end_ms, erasures, left_out)
        return Selection(resolved.labels, stripes_of(by_source.values(), resolved.labels.size), left_out.warnings())

    def _pieces(
        self,
        resolved: Resolved,
        parts: list[SourceParts],
        start_ms: int,
        end_ms: int,
        erasures: Sequence[Erasure],
        left_out: LeftOut,
        sources: Container[str] | None = None,
    ) -> dict[str, list[Piece]]:
        """By source: all of them, or those among `sources`."""
        by_source: dict[str, list[Piece]] = {}
        for match in resolved.blocks:
            for key, piece in self._block_pieces(match, start_ms, end_ms, left_out, sources):
                by_source.setdefault(key, []).append(erase(piece, erasures, match.block.meta.erased))
        for source_match, part in zip(resolved.sources, parts, strict=True):
            if sources is None or part.key in sources:
                pieces = list(self._head_pieces(source_match, part, start_ms, end_ms, erasures, left_out))
                if pieces:
                    by_source.setdefault(part.key, []).extend(pieces)
        return by_source

    def _block_pieces(
        self, match: BlockMatch, start_ms: int, end_ms: int, left_out: LeftOut, sources: Container[str] | None
    ) -> Iterator[tuple[str, Piece]]:
        wanted = Wanted(match.numbers, match.rows, start_ms, end_ms)
        try:
            yield from match.block.pieces(wanted, self._cache, left_out.note, sources)
        except CorruptData as error:
            left_out.note(error)

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        state = self._head.state
        resolved = self._resolved(selector, state.table, start_ms, end_ms)
        series = resolved.labels.size
        guess = guessed_samples(series, start_ms, end_ms)
        if guess <= roughly_below:
            return SelectionSize(series, guess)
        wanted = (Wanted(match.numbers, match.rows, start_ms, end_ms) for match in resolved.blocks)
        in_blocks = sum(match.block.count_samples(each) for match, each in zip(resolved.blocks, wanted, strict=True))
        chosen, factor = share_of([match.rows for match in resolved.sources])
        matches = [resolved.sources[position] for position in chosen]
        with state.lock:
            parts = [self._view.parts(match.source_id, start_ms, end_ms) for match in matches]
        in_head = sum(_head_samples(*pair, start_ms, end_ms) for pair in zip(matches, parts, strict=True))
        return SelectionSize(series, in_blocks + round(in_head * factor))

    def _resolve(self, selector: Selector, start_ms: int, end_ms: int) -> tuple[Resolved, list[SourceParts]]:
        """What matches, and for each source of the head the rows that this reader sees."""
        state = self._head.state
        while True:
            table = state.table
            resolved = self._resolved(selector, table, start_ms, end_ms)
            with state.lock:
                # Series numbers of an older table mean other series in today's layouts.
                if state.table is table:
                    view = self._view
                    return resolved, [view.parts(match.source_id, start_ms, end_ms) for match in resolved.sources]

    def _resolved(self, selector: Selector, table: SeriesTable, start_ms: int, end_ms: int) -> Resolved:
        """What matches in the blocks whose index can be read."""
        while True:
            blocks = self._blocks_in(start_ms, end_ms)
            try:
                return self._selections.get(selector, table, blocks)
            except CorruptData:
                if not any(block.damage for block in blocks):
                    raise

    def _blocks_in(self, start_ms: int, end_ms: int) -> list[Block]:
        return [block for block in self._blocks if block.overlaps(start_ms, end_ms) and not block.damage]

    # The head.

    def _head_pieces(
        self,
        match: SourceMatch,
        parts: SourceParts,
        start_ms: int,
        end_ms: int,
        erasures: Sequence[Erasure],
        left_out: LeftOut,
    ) -> Iterator[Piece]:
        for cut in parts.cut:
            in_layout = match.in_layout(cut.layout)
            if in_layout.slabs:
                piece = clip(self._cut_piece(cut, in_layout, left_out), start_ms, end_ms)
                yield erase(piece, erasures, cut.chunk_id)
        for part in parts.memory:
            in_layout = match.in_layout(part.layout)
            if in_layout.slabs:
                yield _memory_piece(part, in_layout, start_ms, end_ms)

    def _cut_piece(self, cut: CutChunk, match: LayoutMatch, left_out: LeftOut) -> Piece:
        try:
            timestamps_ms = self._cache.get((cut.chunk_id, -1), partial(self._timestamps, cut))
        except CorruptData as error:
            left_out.note(error)
            return EMPTY_PIECE
        parts, is_damaged = [], False
        for slab, wanted in match.slabs:
            try:
                values = self._cache.get((cut.chunk_id, slab), partial(self._values, cut, slab))
            except CorruptData as error:
                left_out.note(error)
                is_damaged = True
                values = np.full((cut.slab_series(slab), cut.rows), ABSENT)
            parts.append(values if wanted is None else values[wanted])
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Piece(match.rows, timestamps_ms, values, cut.is_dense and not is_damaged)

    def _timestamps(self, cut: CutChunk) -> Timestamps:
        return decode_timestamps(self._slabs.mine().timestamps(cut.chunk_id), cut.rows)

    def _values(self, cut: CutChunk, slab: int) -> Values:
        return decode_values(self._slabs.mine().slab(slab_id_of(cut.chunk_id, slab)), cut.slab_series(slab), cut.rows)

    # Labels.

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        frames = []
        for selector in selectors or ((),):
            resolved, parts = self._resolve(selector, start_ms, end_ms)
            erasures = erasures_of(self._remains.tombstones, resolved.labels)
            rows = [_kept_rows(match, erasures, start_ms, end_ms) for match in resolved.blocks]
            for match, part in zip(resolved.sources, parts, strict=True):
                rows.append(self._rows_with_samples(match, part, erasures) if erasures else _active_rows(match, part))
            active = np.unique(np.concatenate(rows)) if rows else np.empty(0, np.intp)
            frames.append(resolved.labels.take(active))
        return without_components(unite(frames)[0])

    def _rows_with_samples(self, match: SourceMatch, parts: SourceParts, erasures: Sequence[Erasure]) -> Rows:
        """As `_active_rows`, while deletions are about this selection: then the samples themselves are looked at."""
        left_out = LeftOut(self._remains.damages)
        rows = [np.empty(0, np.intp)]
        for piece in self._head_pieces(match, parts, *ALL_TIME_MS, erasures, left_out):
            rows.append(piece.rows[~is_absent(np.ascontiguousarray(piece.values)).all(axis=1)])
        return np.concatenate(rows)

    def label_names(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]:
        """The names of all labels of the series that match any selector, sorted."""
        if selectors:
            return self.series(selectors, start_ms, end_ms).names()
        names = {name for block in self._blocks_in(start_ms, end_ms) for name in block.postings().names()}
        return sorted((names | set(self._head.state.table.names())) - {COMPONENT_LABEL})

    def label_values(self, name: str, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> list[str]:
        """The values of one label over the series that match any selector, sorted."""
        if selectors:
            column = self.series(selectors, start_ms, end_ms).column(name)
            return sorted(column.values[code] for code in column.used().tolist() if code)
        if name == COMPONENT_LABEL:
            return []
        values = {value for block in self._blocks_in(start_ms, end_ms) for value in block.postings().values(name)}
        return sorted(values | set(self._head.state.table.values(name)))

    def series_counts(self, metrics: Sequence[str]) -> list[int]:
        """How many series each metric has: in the head or, if none there, in the newest block that has it."""
        counts = [0] * len(metrics)
        newest_first = sorted(self._blocks, key=lambda block: -block.meta.max_ms)
        for index in chain([self._head.state.table], (block.postings() for block in newest_first)):
            counts = [count or _series_count(index, name) for count, name in zip(counts, metrics, strict=True)]
            if all(counts):
                break
        return counts


def _head_samples(match: SourceMatch, parts: SourceParts, start_ms: int, end_ms: int) -> float:
    samples = 0.0
    for cut in parts.cut:
        rows = rows_inside(cut.rows, cut.min_ms, cut.max_ms, start_ms, end_ms)
        samples += rows * len(match.in_layout(cut.layout).rows)
    for part in parts.memory:
        times_ms = part.timestamps_ms
        rows = int(np.count_nonzero((times_ms >= start_ms) & (times_ms <= end_ms)))
        samples += rows * len(match.in_layout(part.layout).rows)
    return samples


def _has_twins(apart: Sequence[Stripe], bundle: Bundle | None) -> bool:
    """Whether a series is in two places."""
    rows = [stripe.rows for stripe in apart] + ([] if bundle is None else [bundle.rows])
    return len(rows) > 0 and bool((np.bincount(np.concatenate(rows)) > 1).any())


def _kept_rows(match: BlockMatch, erasures: Sequence[Erasure], start_ms: int, end_ms: int) -> Rows:
    """The rows of a block of which a deletion left something in the time asked for."""
    if not erasures:
        return match.rows
    meta = match.block.meta
    bounds = max(start_ms, meta.min_ms), min(end_ms, meta.max_ms)
    is_gone = erased_rows(erasures, meta.erased, *bounds)
    return match.rows[~is_gone[match.rows]]


def _series_count(index: Postings, metric: str) -> int:
    return len(index.posting(METRIC_NAME, metric) or ())


def _active_rows(match: SourceMatch, parts: SourceParts) -> Rows:
    layouts = {chunk.layout for chunk in parts.cut} | {part.layout for part in parts.memory}
    rows = [match.in_layout(layout).rows for layout in layouts]
    return np.concatenate(rows) if rows else np.empty(0, np.intp)


def _memory_piece(part: MemoryPart, match: LayoutMatch, start_ms: int, end_ms: int) -> Piece:
    timestamps_ms = part.timestamps_ms
    if part.is_ordered:
        first, end = timestamps_ms.searchsorted((start_ms, end_ms + 1)).tolist()
        values = part.values[first:end, match.columns].T
        return Piece(match.rows, timestamps_ms[first:end], values, part.is_dense)
    inside = np.flatnonzero((timestamps_ms >= start_ms) & (timestamps_ms <= end_ms))
    values = part.values[inside][:, match.columns].T
    return Piece(match.rows, timestamps_ms[inside], values, part.is_dense, in_order=False)
