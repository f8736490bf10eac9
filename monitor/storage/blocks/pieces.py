"""Pieces of series, as chunks and blocks hold them, put together into stripes.

A piece is a matrix of some series over some time. The pieces of one source follow each other in time and mostly have
the same series: they become one stripe. Where the series differ they share a stripe as long as it stays at least half
full; a series that ends up in more than one stripe (late samples, two sources of one series) is merged by sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import Rows
from monitor.model.samples import ABSENT, Mask, Timestamps, Values, has_gaps, is_absent
from monitor.storage.head.chunk import merge_rows
from monitor.storage.interfaces import Stripe

DENSITY_MIN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """`values` (R, N) of the series `rows` (R,) at `timestamps_ms` (N,).

    `is_dense` may be False although every cell is there, never the other way round. In a piece that is not `in_order`
    timestamps may stand in any order, and more than once.
    """

    rows: Rows
    timestamps_ms: Timestamps
    values: Values
    is_dense: bool
    in_order: bool = True


def clip(piece: Piece, start_ms: int, end_ms: int) -> Piece:
    """The part of an ordered piece from `start_ms` to `end_ms`, both inclusive."""
    timestamps_ms = piece.timestamps_ms
    first, end = timestamps_ms.searchsorted((start_ms, end_ms + 1)).tolist()
    if first == 0 and end == len(timestamps_ms):
        return piece
    return Piece(piece.rows, timestamps_ms[first:end], piece.values[:, first:end], piece.is_dense)


def join_source(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of one source, joined to as few as stay at least half full. The results ascend in time."""
    if len(pieces) == 1 and pieces[0].in_order:
        return list(pieces)
    joined: list[Piece] = []
    group: list[Piece] = []
    for piece in pieces:
        if group and not _fits(group, piece):
            joined.append(_join(group))
            group = []
        group.append(piece)
    if group:
        joined.append(_join(group))
    return joined


def _fits(group: list[Piece], piece: Piece) -> bool:
    if all(_has_rows_of(member, piece) for member in group):
        return True
    members = [*group, piece]
    union = len(np.unique(np.concatenate([member.rows for member in members])))
    cells = union * sum(len(member.timestamps_ms) for member in members)
    return sum(member.values.size for member in members) >= DENSITY_MIN * cells


def _has_rows_of(piece: Piece, other: Piece) -> bool:
    return piece.rows is other.rows or np.array_equal(piece.rows, other.rows)


def _join(pieces: list[Piece]) -> Piece:
    first = pieces[0]
    if len(pieces) == 1:
        return first if first.in_order else _ordered(first.rows, first.timestamps_ms, first.values, first.is_dense)
    timestamps_ms = np.concatenate([piece.timestamps_ms for piece in pieces])
    if all(_has_rows_of(piece, first) for piece in pieces):
        rows, is_dense = first.rows, all(piece.is_dense for piece in pieces)
        values = np.concatenate([piece.values for piece in pieces], axis=1)
    else:
        rows, is_dense = np.unique(np.concatenate([piece.rows for piece in pieces])), False
        values = np.full((len(rows), len(timestamps_ms)), ABSENT)
        position = 0
        for piece in pieces:
            end = position + len(piece.timestamps_ms)
            values[np.searchsorted(rows, piece.rows), position:end] = piece.values
            position = end
    return _ordered(rows, timestamps_ms, values, is_dense)


def _ordered(rows: Rows, timestamps_ms: Timestamps, values: Values, is_dense: bool) -> Piece:
    timestamps_ms, values = merge_rows(timestamps_ms, values)
    return Piece(rows, timestamps_ms, values, is_dense)


def stripes_of(pieces_by_source: Iterable[Sequence[Piece]], series: int) -> tuple[Stripe, ...]:
    """Stripes in which each of `series` rows stands at most once."""
    pieces = [piece for of_source in pieces_by_source for piece in join_source(of_source)]
    if len(pieces) > 1:
        is_repeated = np.bincount(np.concatenate([piece.rows for piece in pieces]), minlength=series) > 1
        if is_repeated.any():
            pieces = [*_without(pieces, is_repeated), *_merged(pieces, np.flatnonzero(is_repeated))]
    return tuple(_stripe(piece) for piece in pieces if piece.values.size)


def _stripe(piece: Piece) -> Stripe:
    values = np.ascontiguousarray(piece.values)
    return Stripe(piece.rows, piece.timestamps_ms, values, piece.is_dense or not has_gaps(values))


def _without(pieces: list[Piece], is_repeated: Mask) -> list[Piece]:
    kept = []
    for piece in pieces:
        keep = ~is_repeated[piece.rows]
        if keep.all():
            kept.append(piece)
        elif keep.any():
            kept.append(Piece(piece.rows[keep], piece.timestamps_ms, piece.values[keep], piece.is_dense))
    return kept


def _merged(pieces: list[Piece], repeated: Rows) -> list[Piece]:
    """One piece for each repeated row: all its samples in order, the first of equal timestamps."""
    rows, times, values = [], [], []
    for piece in pieces:
        mine = np.isin(piece.rows, repeated)
        block = np.ascontiguousarray(piece.values[mine])
        row, column = np.nonzero(~is_absent(block))
        rows.append(piece.rows[mine][row])
        times.append(piece.timestamps_ms[column])
        values.append(block[row, column])
    row, time, value = np.concatenate(rows), np.concatenate(times), np.concatenate(values)
    order = np.lexsort((time, row))
    row, time, value = row[order], time[order], value[order]
    first = (np.diff(row, prepend=-1) != 0) | (np.diff(time, prepend=time[:1]) != 0)
    row, time, value = row[first], time[first], value[first]
    bounds = np.searchsorted(row, [repeated, repeated + 1])
    return [
        Piece(np.array([number]), time[start:end], value[None, start:end], False)
        for number, start, end in zip(repeated.tolist(), bounds[0].tolist(), bounds[1].tolist(), strict=True)
        if end > start
    ]
