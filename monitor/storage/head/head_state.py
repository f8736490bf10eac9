"""What the sources of the head share: series, numbering, the memory budget, and what the journal has yet to write."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.clock import Clock
from monitor.errors import LimitExceeded, StorageFull
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.storage.head.chunk import Chunk, ChunkLayout
from monitor.storage.head.churn import Churn
from monitor.storage.head.series_table import SeriesBatch, SeriesNumbers, SeriesTable

if TYPE_CHECKING:
    from monitor.storage.head.source import Source  # a source holds the state it shares: the two need each other's type

# Golden ratio: successive sources get first chunks of well spread lengths, so that full chunks never come in waves.
_SPREAD = 0.6180339887498949
_PACE_BOUNDS_MS = (4_000, 16_000, 64_000)
PACES = len(_PACE_BOUNDS_MS) + 1


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """Sizes of the head.

    chunk_rows_max          rows of a source in memory before they become slabs
    rows_bytes              what all rows in memory may take on average; fewer rows a chunk are kept beyond it
    block_span_ms           a chunk never crosses a multiple of this
    series_max              series in the head; more are refused; 0 is no limit
    late_window_ms          how much older than the newest sample of all a late one may be; None is any age
    """

    chunk_rows_max: int = 240
    rows_bytes: int = 16 * 2**20
    block_span_ms: int = 7_200_000
    series_max: int = 0
    late_window_ms: int | None = None


CHUNK_ROWS_MIN = 24
"""Half as many after spreading. Slabs of fewer rows would cost more to write and merge than they save in memory."""
BEFORE_ALL_MS = -(2**62)


@dataclass(slots=True)
class Unwritten:
    """What changed in the head since the journal last asked."""

    sources: list[Source] = field(default_factory=list)
    batches: list[SeriesBatch] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)


class HeadState:
    """Shared by all sources. `lock` guards it, the series table's growth, and every source."""

    def __init__(self, settings: HeadSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self.lock = threading.RLock()
        self.table = SeriesTable()
        self.sources: dict[int, Source] = {}
        """Every source that has rows anywhere outside of blocks."""
        self.churn = Churn()
        self.touched_ms: dict[int, int] = {}
        """By the end of a block span: when samples of it last came, to a chunk's precision, on the wall clock."""
        self.serial = 0
        self.columns = 0
        """Columns of all sources' layouts: what one more row of every source costs, divided by 8."""
        self.is_full = False
        """Set while the disk takes no more: nothing is accepted that could not be made durable."""
        self.newest_ms = BEFORE_ALL_MS
        """The greatest timestamp taken in since the start."""
        self.refused_samples = 0
        """Late ones from before the late window, since the start."""
        self.next_id = 1
        self.unwritten = Unwritten()
        self.cuts: deque[Chunk] = deque()
        """Chunks that take no more rows and wait to become slabs."""

    def take_id(self) -> int:
        """The next number for a source, a batch or a chunk; unique in the data directory for good."""
        taken = self.next_id
        self.next_id += 1
        return taken

    def reserve_ids(self, last: int) -> None:
        """Numbers up to `last` are taken."""
        self.next_id = max(self.next_id, last + 1)

    def take_unwritten(self) -> Unwritten:
        taken, self.unwritten = self.unwritten, Unwritten()
        return taken

    def check_accepts(self) -> None:
        if self.is_full:
            raise StorageFull("the disk is full: samples are refused until a commit succeeds again")

    def register(self, source_id: int, labels: LabelFrame) -> SeriesNumbers:
        """Registers the S label sets as new series of a source, consecutively numbered."""
        limit = self.settings.series_max
        if limit and len(self.table) + labels.size > limit:
            got = len(self.table) + labels.size
            raise LimitExceeded(f"got {got} series in the head, want at most {limit} (head_series_max)")
        batch = self.table.add(self.take_id(), source_id, labels)
        self.churn.note(self._clock.now_ms(), batch.labels.column(METRIC_NAME))
        self.unwritten.batches.append(batch)
        return batch.numbers

    def new_chunk(
        self, source_id: int, layout: ChunkLayout, interval_ms: int, span_end_ms: int, *, ordered: bool
    ) -> Chunk:
        chunk_id = self.take_id()
        self.touch(span_end_ms)
        capacity = self._capacity()
        if ordered:
            spread = 0.5 + 0.5 * ((source_id * _SPREAD) % 1.0)
            capacity = max(1, int(capacity * spread))
        return Chunk(chunk_id, source_id, layout, capacity, span_end_ms, ordered=ordered, pace=pace_of(interval_ms))

    def _capacity(self) -> int:
        # A chunk is half full on average, so all of them together hold half of what they may.
        affordable = 2 * self.settings.rows_bytes // (8 * max(self.columns, 1))
        return min(self.settings.chunk_rows_max, max(CHUNK_ROWS_MIN, affordable))

    def touch(self, span_end_ms: int) -> None:
        self.touched_ms[span_end_ms] = self._clock.now_ms()

    def activate(self, source: Source) -> None:
        """Takes up a source that gets its first row."""
        if source.source_id not in self.sources:
            self.sources[source.source_id] = source
            self.unwritten.sources.append(source)

    def span_end_ms(self, timestamp_ms: int) -> int:
        span_ms = self.settings.block_span_ms
        return (timestamp_ms // span_ms + 1) * span_ms

    def next_serial(self, timestamp_ms: int) -> int:
        """The number of an append whose last row is at `timestamp_ms`."""
        self.newest_ms = max(self.newest_ms, timestamp_ms)
        self.serial += 1
        return self.serial

    def late_horizon_ms(self) -> int:
        """Late samples from before this are refused."""
        window_ms = self.settings.late_window_ms
        return BEFORE_ALL_MS if window_ms is None else self.newest_ms - window_ms

    def mark_dirty(self, chunk: Chunk) -> None:
        if not chunk.is_dirty:
            self.unwritten.chunks.append(chunk)


def pace_of(interval_ms: int) -> int:
    """Sources of similar interval share journal entries: 0 up to 4 s, 1 up to 16 s, 2 up to 64 s, 3 beyond.

    An entry can go once all its rows are in slabs. A source that takes an hour to fill a chunk must not keep an
    hour of a faster one's rows in the journal.
    """
    return sum(interval_ms > bound for bound in _PACE_BOUNDS_MS)
