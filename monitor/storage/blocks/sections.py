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

Fill = Callable[[Values], None]
"""Writes the numbers into an array (R, N) of its own."""
OnDamage = Callable[[CorruptData], None]


class Section(NamedTuple):
    """The series `rows` (R,) at `timestamps_ms` (N,), ascending, with a number in every cell. Neither is empty."""

    rows: Rows
    timestamps_ms: Timestamps
    fill: Fill


def stripe_of(found: Sequence[Section | None], on_damage: OnDamage) -> Stripe | None:
    """The sections of one source as one stripe; None if one of them is None, or they are not alike enough.

    They must have the same series and follow each other in time as they do in the list. `on_damage` is told before
    reading raises CorruptData.
    """
    rows = None if found[0] is None else found[0].rows
    sections = [] if rows is None else [section for section in found if section is not None]
    if rows is None or len(sections) < len(found):
        return None
    if len(sections) == 1:
        timestamps_ms = sections[0].timestamps_ms
    else:
        sections = [alike for section in sections if (alike := _in_order_of(rows, section)) is not None]
        if len(sections) < len(found) or not _ascend(sections):
            return None
        timestamps_ms = np.concatenate([section.timestamps_ms for section in sections])
    return Stripe(rows, timestamps_ms, partial(_read, sections, (len(rows), len(timestamps_ms)), on_damage), dense=True)


def _ascend(sections: Sequence[Section]) -> bool:
    return all(later.timestamps_ms[0] > earlier.timestamps_ms[-1] for earlier, later in pairwise(sections))


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


def _fill_in_order(fill: Fill, order: Rows, values: Values) -> None:
    unordered = np.empty(values.shape)
    fill(unordered)
    values[:] = unordered[order]


def _read(sections: Sequence[Section], shape: tuple[int, int], on_damage: OnDamage) -> Values:
    values = np.empty(shape)
    position = 0
    try:
        for section in sections:
            end = position + len(section.timestamps_ms)
            section.fill(values[:, position:end])
            position = end
    except CorruptData as error:
        on_damage(error)
        raise
    values.flags.writeable = False
    return values
