"""Everything the lines of one log have said so far, added up."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from exporters.duration_histogram import BucketBounds, DurationHistogram
from exporters.gc_logs.records import GcLine, HeapReading, Outcome, Pause, Stall
from exporters.python_gc import PAUSE_BUCKETS_SECONDS

OTHER = "_OTHER"

PAUSE_BOUNDS = BucketBounds(PAUSE_BUCKETS_SECONDS)
PauseKey = tuple[str, str, str]
StallKey = tuple[str, str]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class GcLogSettings:
    """`histograms_max`: combinations of kind, phase and cause, and of source and operation, that are told apart in a
    log. Their words come from the log; beyond the limit they are counted as `_OTHER`."""

    histograms_max: int = 64


DEFAULT_GC_LOG_SETTINGS = GcLogSettings()


class GcTotals:
    """Of one log. Adding a line is all or nothing; not for several threads."""

    def __init__(self, settings: GcLogSettings = DEFAULT_GC_LOG_SETTINGS) -> None:
        self._histograms_max = settings.histograms_max
        self.pauses: dict[PauseKey, DurationHistogram] = {}
        self.stalls: dict[StallKey, DurationHistogram] = {}
        self.lines = dict.fromkeys(Outcome, 0)
        self.heap: HeapReading | None = None
        self.cpu_nanoseconds: int | None = None
        self.cpu_ratio: float | None = None
        self.incremental_steps = self.incremental_nanoseconds = self.missed_collections = 0

    def add(self, line: GcLine) -> None:
        self.lines[line.outcome] += 1
        for pause in line.pauses:
            self._add_pause(pause)
        for stall in line.stalls:
            self._add_stall(stall)
        self.heap = line.heap or self.heap
        self.cpu_ratio = self.cpu_ratio if line.cpu_ratio is None else line.cpu_ratio
        if line.cpu_nanoseconds is not None:
            self.cpu_nanoseconds = (self.cpu_nanoseconds or 0) + line.cpu_nanoseconds
        self.incremental_steps += line.incremental_steps
        self.incremental_nanoseconds += line.incremental_nanoseconds
        self.missed_collections += line.missed_collections

    def _add_pause(self, pause: Pause) -> None:
        key, other = (pause.kind.value, pause.phase, pause.cause), (pause.kind.value, OTHER, OTHER)
        self._histogram(self.pauses, key, other).observe(PAUSE_BOUNDS, pause.nanoseconds)

    def _add_stall(self, stall: Stall) -> None:
        key, other = (stall.source, stall.operation), (stall.source, OTHER)
        self._histogram(self.stalls, key, other).observe(PAUSE_BOUNDS, stall.nanoseconds)

    def _histogram(self, histograms: dict[Key, DurationHistogram], key: Key, other: Key) -> DurationHistogram:
        if key not in histograms and len(histograms) >= self._histograms_max:
            key = other
        return histograms.setdefault(key, DurationHistogram(PAUSE_BOUNDS))
