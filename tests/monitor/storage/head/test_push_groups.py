"""Which series of a request go into their sources together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.push_groups import UNKNOWN, PushedBatch, SourceColumns, equally_timed, rows_by_source


def no_labels(keys: Sequence[bytes]) -> LabelFrame:
    raise AssertionError(f"got {keys}")


def batch(times: list[list[int]]) -> PushedBatch:
    """Values are the places of the samples in the batch."""
    flat = [time for of_series in times for time in of_series]
    counts = np.array([len(of_series) for of_series in times], np.intp)
    keys = [str(number).encode() for number in range(len(times))]
    return PushedBatch(keys, no_labels, counts, np.array(flat, np.int64), np.arange(len(flat), dtype=np.float64))


def layout(*numbers: int) -> ChunkLayout:
    return ChunkLayout(np.array(numbers, np.uint32), np.zeros(len(numbers), np.int32))


def test_series_of_a_source_with_equal_times_are_one_matrix_wherever_they_stand() -> None:
    sent = batch([[10, 20], [15, 20], [10, 20], [10]])
    columns = np.array([0, 0, 1, UNKNOWN], np.int32)
    found = list(rows_by_source(sent, np.array([7, 8, 7, 7]), columns))
    assert [(each.source_id, each.members.tolist(), each.timestamps_ms.tolist()) for each in found] == [
        (7, [3], [10]),
        (7, [0, 2], [10, 20]),
        (8, [1], [15, 20]),
    ]
    assert [each.columns for each in found] == [None, slice(0, 2), slice(0, 1)]
    assert found[1].values.tolist() == [[0.0, 4.0], [1.0, 5.0]]


def test_columns_that_do_not_follow_each_other_are_named_one_by_one() -> None:
    (found,) = rows_by_source(batch([[1], [1]]), np.array([7, 7]), np.array([3, 1], np.int32))
    assert isinstance(found.columns, np.ndarray)
    assert found.columns.tolist() == [3, 1]


def test_a_series_that_leaves_its_layout_has_no_column() -> None:
    columns, first, second = SourceColumns(), layout(4, 5), layout(5)
    assert columns.of(np.array([4, 5], np.uint32)).tolist() == [UNKNOWN, UNKNOWN]
    columns.note(1, first, 6)
    assert columns.of(np.array([5, 4, 99], np.uint32)).tolist() == [1, 0, UNKNOWN]
    columns.note(1, second, 6)
    assert columns.of(np.array([5, 4], np.uint32)).tolist() == [0, UNKNOWN]
    assert columns.is_current(1, second)
    assert not columns.is_current(1, first)


def test_new_series_are_grouped_by_their_times_in_the_order_in_which_they_came() -> None:
    groups = equally_timed(batch([[10, 20], [5], [10, 20], [9, 20]]), np.arange(4))
    assert [(group.members.tolist(), group.interval_ms) for group in groups] == [([0, 2], 10), ([1], None), ([3], 11)]
