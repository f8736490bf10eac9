"""From one layout of a target to the next: what is known of a series need not be worked out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Timestamps, Values
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.layouts.layout import ExposedSeries, Layout

NEW = -1


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """`values` (C,) and `timestamps_ms` of the stamped cells, as in Layout."""

    values: Values
    timestamps_ms: Timestamps


@dataclass(frozen=True, slots=True, eq=False)
class LayoutChange:
    """A target has another layout than `before`. `rows_before` (N,) is the row that each series had there, NEW if it
    was not there; None if nobody has looked. `numbers` are what was read, None if the layout holds them already."""

    layout: Layout
    before: Layout | None = None
    rows_before: Rows | None = None
    numbers: Numbers | None = None

    def put_numbers(self) -> None:
        """Makes the layout hold what was read. Not for other threads than the loop's: targets share layouts."""
        if self.numbers is not None:
            self.layout.values[: self.layout.cells] = self.numbers.values
            self.layout.timestamps_ms[:] = self.numbers.timestamps_ms


def joined_series(
    known: ExposedSeries | None,
    rows: Sequence[int],
    new_labels: Sequence[dict[str, str]],
    types: tuple[MetricType, ...],
    continued: frozenset[int] = frozenset(),
) -> ExposedSeries:
    """The series of a layout: `rows` are those of series in `known`, or -1 - i for the i-th one of `new_labels`."""
    return ExposedSeries(
        _joined_labels(known, np.array(rows, np.intp), new_labels), types, continued, _blanks(known, rows, new_labels)
    )


def _joined_labels(known: ExposedSeries | None, rows: Rows, new_labels: Sequence[dict[str, str]]) -> LabelFrame:
    new = LabelFrame.of(new_labels)
    if known is None:
        return new.take(-1 - rows)
    if not new_labels:
        return known.labels.take(rows)
    is_known = rows >= 0
    used = known.labels.take(rows[is_known])
    joined = np.where(is_known, np.cumsum(is_known) - 1, used.size - 1 - rows)
    return LabelFrame.concat([used, new]).take(joined)


def _blanks(
    known: ExposedSeries | None, rows: Sequence[int], new_labels: Sequence[dict[str, str]]
) -> dict[str, frozenset[int]]:
    known_blanks = {} if known is None else known.blanks
    names = {*known_blanks, *(name for labels in new_labels for name, text in labels.items() if not text)}

    def is_blank(row: int, name: str) -> bool:
        return new_labels[-1 - row].get(name) == "" if row < 0 else row in known_blanks.get(name, ())

    rows_by_name = {name: frozenset(index for index, row in enumerate(rows) if is_blank(row, name)) for name in names}
    return {name: blank_rows for name, blank_rows in rows_by_name.items() if blank_rows}
