"""A store that remembers what scraping gave it."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.errors import StorageFull
from monitor.model.label_frame import LabelFrame
from monitor.model.samples import ABSENT_BITS, STALE_BITS, Timestamps, Values

STALE, ABSENT = "stale", "absent"

Cell = float | str


@dataclass(frozen=True, slots=True)
class Row:
    """One appended row: values by series, as text."""

    timestamp_ms: int
    cells: dict[str, Cell]

    def exposed(self) -> dict[str, Cell]:
        """Without the series that report on the scrape."""
        return {name: cell for name, cell in self.cells.items() if not name.startswith(("up{", "scrape_"))}

    def report(self, name: str) -> Cell:
        return next(cell for series, cell in self.cells.items() if series.startswith(f"{name}{{"))


@dataclass(slots=True)
class RecordingRows:
    """A RowAppender. `is_full` makes it refuse rows as a full disk does."""

    layouts: list[LabelFrame] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    is_full: bool = False

    def set_layout(self, labels: LabelFrame) -> int:
        assert labels.duplicate() is None
        self.layouts.append(labels)
        return labels.size

    def append_row(self, timestamp_ms: int, values: Values) -> None:
        if self.is_full:
            raise StorageFull("the disk is full")
        names = [str(labels) for labels in self.layouts[-1].all_labels()]
        self.rows.append(Row(timestamp_ms, dict(zip(names, to_cells(values), strict=True))))


@dataclass(slots=True)
class RecordingStore:
    """A RowStore and an Appender."""

    sources: dict[str, RecordingRows] = field(default_factory=dict)
    appended: list[tuple[str, int, dict[str, Cell]]] = field(default_factory=list)
    frames: list[LabelFrame] = field(default_factory=list)

    def open_source(self, key: str, interval_ms: int | None = None) -> RecordingRows:
        return self.sources.setdefault(key, RecordingRows())

    def append(self, source: str, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        assert labels.duplicate() is None
        self.frames.append(labels)
        names = [str(row) for row in labels.all_labels()]
        for timestamp_ms, row in zip(timestamps_ms.tolist(), values, strict=True):
            self.appended.append((source, timestamp_ms, dict(zip(names, to_cells(row), strict=True))))

    @property
    def only(self) -> RecordingRows:
        (rows,) = self.sources.values()
        return rows


def to_cells(values: Values) -> list[Cell]:
    words = {int(STALE_BITS): STALE, int(ABSENT_BITS): ABSENT}
    bits = values.copy().view("uint64").tolist()
    return [words.get(word, value) for word, value in zip(bits, values.tolist(), strict=True)]
