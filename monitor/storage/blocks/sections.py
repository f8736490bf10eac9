"""Sections of a source, read only when their numbers are needed.

A heavy query goes through a hundred times the samples that it works on at once. Where the sections of a source follow
each other in time, have the same series and no gaps, which is the rule, they become one stripe that decodes them into
place at the moment it is read: nothing is joined before, and nothing stays in memory behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from monitor.errors import CorruptData
from monitor.model.label_frame import Rows
from monitor.model.samples import Timestamps, Values
from monitor.storage.interfaces import Stripe

Fill = Callable[[int, int, Values], None]
"""Writes the numbers at the positions `first` to `end` - 1 of the timestamps into an array (R, end - first)."""
OnDamage = Callable[[CorruptData], None]


class Section(NamedTuple):
    """The series `rows` (R,) at `timestamps_ms` (N,), ascending. Neither is empty.

    If `is_dense` there is a number in every cell; otherwise some may be stale markers or absent. `values` (R, N) are
    there, C-contiguous, if they need not be read any more.
    """

    rows: Rows
    timestamps_ms: Timestamps
    fill: Fill
    is_dense: bool = True
    values: Values | None = None


def section_at_hand(rows: Rows, timestamps_ms: Timestamps, values: Values, is_dense: bool) -> Section:
    """A section whose `values` (R, N), C-contiguous, are there."""
    return Section(rows, timestamps_ms, partial(_fill_from, values), is_dense, values)


def _fill_from(at_hand: Values, first: int, end: int, values: Values) -> None:
    values[:] = at_hand[:, first:end]


class Window(NamedTuple):
    """The positions `first` to `end` - 1 of a section."""

    section: Section
    first: int
    end: int


def stripe_of(found: Sequence[Section], start_ms: int, end_ms: int, on_damage: OnDamage) -> Stripe | None:
    """What the sections of one source hold from `start_ms` to `end_ms`, both inclusive, as one stripe.

    None unless they have the same series and follow each other in time as they do in the list. The stripe may be empty.
    `on_damage` is told before reading raises CorruptData.
    """
    rows = found[0].rows
    windows = []
    for section in found:
        alike = _in_order_of(rows, section)
        if alike is None:
            return None
        window = _window(alike, start_ms, end_ms)
        if window.first < window.end:
            windows.append(window)
    if not _ascend(windows):
        return None
    times = [window.section.timestamps_ms[window.first : window.end] for window in windows]
    timestamps_ms = times[0] if len(times) == 1 else np.concatenate([np.empty(0, np.int64), *times])
    return Stripe(rows, timestamps_ms, partial(_read, windows, (len(rows), len(timestamps_ms)), on_damage), dense=True)


def _window(section: Section, start_ms: int, end_ms: int) -> Window:
    timestamps_ms = section.timestamps_ms
    if timestamps_ms[0] >= start_ms and timestamps_ms[-1] <= end_ms:
        return Window(section, 0, len(timestamps_ms))
    return Window(section, *timestamps_ms.searchsorted((start_ms, end_ms + 1)).tolist())


def _ascend(windows: Sequence[Window]) -> bool:
    return all(
        later.section.timestamps_ms[later.first] > earlier.section.timestamps_ms[earlier.end - 1]
        for earlier, later in pairwise(windows)
    )


def _in_order_of(rows: Rows, section: Section) -> Section | None:
    """The section with its rows in the order of `rows`; None if it has others."""
    if section.rows is rows or np.array_equal(section.rows, rows):
        return section
    if len(section.rows) != len(rows):
        return None
    order = np.argsort(section.rows)[np.argsort(np.argsort(rows))]
    if not np.array_equal(section.rows[order], rows):
        return None
    return Section(rows, section.timestamps_ms, partial(_fill_in_order, section.fill, order))


def _fill_in_order(fill: Fill, order: Rows, first: int, end: int, values: Values) -> None:
    unordered = np.empty(values.shape)
    fill(first, end, unordered)
    values[:] = unordered[order]


def _read(windows: Sequence[Window], shape: tuple[int, int], on_damage: OnDamage) -> Values:
    values = np.empty(shape)
    position = 0
    try:
        for section, first, end in windows:
            stop = position + end - first
            section.fill(first, end, values[:, position:stop])
            position = stop
    except CorruptData as error:
        on_damage(error)
        raise
    values.flags.writeable = False
    return values
