"""What a line of a GC log says, in the same words for every runtime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

MEBIBYTE = 1 << 20
NANOSECONDS_PER_MS = 1_000_000


class PauseKind(Enum):
    """What a pause belongs to: a collection of the young generation, one of the old one or of the whole heap, or, where
    there are no generations or the log says something unknown, neither."""

    MINOR = "minor"
    MAJOR = "major"
    OTHER = "other"


class Outcome(Enum):
    """What became of a line. UNRECOGNISED looks like the runtime's and is not read: damaged, or of another version."""

    GC = "gc"
    OTHER = "other"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True, slots=True)
class Pause:
    """The program stood still. `phase`: for what; `cause`: why there was a collection, "" where the log is silent."""

    kind: PauseKind
    phase: str
    cause: str
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Stall:
    """The program, or a thread of it, waited; a GC pause is inside of it or is something else."""

    source: str
    operation: str
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class HeapReading:
    """Bytes of the last collection: used before and after, and the heap's size (Go: its goal); None if not said."""

    before_bytes: int
    after_bytes: int
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class GcLine:
    """One line. `cpu_ratio` is of the whole life of the program so far, `cpu_nanoseconds` of this collection alone.

    `incremental_nanoseconds` in `incremental_steps` stood still besides the pauses, each step too short to be told.
    `missed_collections`: by the log's own numbering, collections between this line and the one before.
    """

    outcome: Outcome
    pauses: tuple[Pause, ...] = ()
    stalls: tuple[Stall, ...] = ()
    heap: HeapReading | None = None
    cpu_nanoseconds: int | None = None
    cpu_ratio: float | None = None
    incremental_steps: int = 0
    incremental_nanoseconds: int = 0
    missed_collections: int = 0


class LineParser(Protocol):
    """One log's lines in order; it may remember what earlier lines said."""

    def parse(self, line: str) -> GcLine:
        """`line` is without its line break. Never raises."""
        ...


GC_LINE = GcLine(Outcome.GC)
OTHER_LINE = GcLine(Outcome.OTHER)
UNRECOGNISED_LINE = GcLine(Outcome.UNRECOGNISED)


def nanoseconds_of_ms(text: str) -> int:
    """Exact for the digits a log prints."""
    return round(float(text) * NANOSECONDS_PER_MS)
