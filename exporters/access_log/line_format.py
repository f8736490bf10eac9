"""What a format makes of a block of log lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# method, target, status, size, duration: text or numbers as they stand in the log, "" or None where it has none
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row what is, and what it means. `duration_unit_ns`: nanoseconds of one unit of the duration.

    `size_is_body`: the size is that of the answer's body; else headers are counted too.
    """

    method: int = 0
    target: int = 1
    status: int = 2
    size: int = 3
    duration: int = 4
    duration_unit_ns: int = 1_000_000_000
    size_is_body: bool = True


@dataclass(frozen=True, slots=True)
class ParsedLines:
    """The rows of N lines, and how many of the N gave none."""

    rows: Sequence[Row]
    unrecognised: int


class LineFormat(Protocol):
    @property
    def columns(self) -> Columns: ...

    def parse(self, lines: str) -> ParsedLines:
        """Whole lines, each with its line break. Never raises."""
        ...
