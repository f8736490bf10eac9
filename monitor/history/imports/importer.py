"""A stream of bytes in one of the import formats → the store. Memory does not depend on the stream's length."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from monitor.errors import LimitExceeded
from monitor.history.imports.csv_lines import CsvLines
from monitor.history.imports.exposition_lines import ExpositionLines
from monitor.history.imports.json_lines import JsonLines
from monitor.history.imports.parsed_lines import LineError, LineParser, ParsedLines, label_sets
from monitor.history.imports.record_splitter import Lines, RecordSplitter
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.storage.head.push_groups import PushedBatch, batch_of

ERRORS_MAX = 20


class ImportFormat(enum.Enum):
    """The value is the parameter `format`."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    JSON_LINES = "jsonl"
    CSV = "csv"


FORMAT_BY_TYPE = {
    "text/plain": ImportFormat.PROMETHEUS,
    "application/openmetrics-text": ImportFormat.OPENMETRICS,
    "application/jsonl": ImportFormat.JSON_LINES,
    "application/x-ndjson": ImportFormat.JSON_LINES,
    "application/json": ImportFormat.JSON_LINES,
    "text/csv": ImportFormat.CSV,
}
"""By media type."""
_PARSERS: dict[ImportFormat, Callable[[], LineParser]] = {
    ImportFormat.PROMETHEUS: lambda: ExpositionLines(ExpositionFormat.PROMETHEUS_TEXT),
    ImportFormat.OPENMETRICS: lambda: ExpositionLines(ExpositionFormat.OPENMETRICS),
    ImportFormat.JSON_LINES: JsonLines,
    ImportFormat.CSV: CsvLines,
}


class BackfilledStore(Protocol):
    """Where imported samples go."""

    def push(self, batch: PushedBatch, *, is_backfill: bool = False) -> int: ...


@dataclass(slots=True)
class Imported:
    """What came of an import so far. `errors` are the first of `refused_lines`."""

    samples: int = 0
    lines: int = 0
    refused_lines: int = 0
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, errors: Sequence[LineError]) -> None:
        self.refused_lines += len(errors)
        self.errors = sorted([*self.errors, *errors], key=lambda error: error.line)[:ERRORS_MAX]


class Importer:
    """One import. Good lines are kept whatever the others are. What is taken in is durable when the store says so."""

    def __init__(self, store: BackfilledStore, import_format: ImportFormat, line_bytes_max: int) -> None:
        self.result = Imported()
        self._store = store
        self._line_bytes_max = line_bytes_max
        self._parser = _PARSERS[import_format]()
        self._splitter = RecordSplitter(line_bytes_max, quotes=import_format is ImportFormat.CSV)

    def feed(self, data: bytes) -> None:
        """Raises StorageFull if the store takes nothing more; samples before it may be in."""
        for lines in self._splitter.feed(data):
            self._take(lines)

    def finish(self) -> None:
        for lines in self._splitter.finish():
            self._take(lines)

    def _take(self, lines: Lines) -> None:
        if lines.is_cut:
            message = f"longer than {self._line_bytes_max} bytes (import_line_size)"
            self.result.refuse([LineError(lines.first_line, message)])
            return
        parsed = self._parser.parse(lines)
        self.result.lines += parsed.good_lines
        self.result.refuse(parsed.errors)
        if parsed.keys:
            self._push(parsed)

    def _push(self, parsed: ParsedLines) -> None:
        batch = batch_of(list(parsed.keys), label_sets, parsed.counts, parsed.timestamps_ms, parsed.values)
        try:
            if batch.keys:
                self._store.push(batch, is_backfill=True)
            self.result.samples += len(parsed.values)
        except LimitExceeded as error:
            self._push_halves(parsed, error)

    def _push_halves(self, parsed: ParsedLines, error: LimitExceeded) -> None:
        """Finds the series that are too many; samples of known ones are taken whatever the limit."""
        if len(set(parsed.keys)) == 1:
            self.result.lines -= len(parsed.keys)
            self.result.refuse([LineError(line, str(error)) for line in parsed.lines])
            return
        by_key: dict[bytes, list[int]] = {}
        for position, key in enumerate(parsed.keys):
            by_key.setdefault(key, []).append(position)
        positions = list(by_key.values())
        middle = len(positions) // 2
        for half in (positions[:middle], positions[middle:]):
            self._push(_chosen(parsed, np.array(sorted(position for of_key in half for position in of_key))))


def _chosen(parsed: ParsedLines, runs: np.ndarray[tuple[int], np.dtype[np.intp]]) -> ParsedLines:
    """Some of the runs, in the same order."""
    is_chosen = np.zeros(len(parsed.keys), np.bool_)
    is_chosen[runs] = True
    samples = np.repeat(is_chosen, parsed.counts)
    return ParsedLines(
        [parsed.keys[run] for run in runs.tolist()],
        [parsed.lines[run] for run in runs.tolist()],
        parsed.counts[is_chosen],
        parsed.timestamps_ms[samples],
        parsed.values[samples],
        len(runs),
        (),
    )
