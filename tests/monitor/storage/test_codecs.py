from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.model.label_frame import LabelFrame
from monitor.storage.blocks.label_codec import LabelDecoder, decode_labels, encode_labels
from monitor.storage.blocks.slab_codec import decode_timestamps, encode_timestamps
from monitor.storage.head.chunk import Cells
from monitor.storage.journal.entry_codec import CellsRecord, RowsRecord, decode_entry, encode_entry


@given(hnp.arrays(np.int64, st.integers(1, 50)))
def test_a_timestamp_vector_keeps_every_timestamp(timestamps_ms: np.ndarray) -> None:  # type: ignore[type-arg]
    assert np.array_equal(decode_timestamps(encode_timestamps(timestamps_ms), len(timestamps_ms)), timestamps_ms)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=3), max_size=4), max_size=20))
def test_label_sets_keep_every_character(sets: list[dict[str, str]]) -> None:
    frame = LabelFrame.of(sets)
    assert decode_labels(encode_labels(frame)).all_labels() == frame.all_labels()


def test_label_sets_with_many_values_need_wider_codes() -> None:
    frame = LabelFrame.of([{"a": str(i)} for i in range(70_000)])
    assert decode_labels(encode_labels(frame)).column("a").texts() == [str(i) for i in range(70_000)]


def test_columns_that_frames_have_in_common_are_one_object() -> None:
    decoder = LabelDecoder()
    frames = [LabelFrame.of([{"job": "web", "instance": host, "path": path} for path in "ab"]) for host in ("x", "y")]
    first, second = (decoder.decode(encode_labels(frame)) for frame in frames)

    assert [second.all_labels(), first.all_labels()] == [frames[1].all_labels(), frames[0].all_labels()]
    assert {name for name in first.columns if first.columns[name] is second.columns[name]} == {"job", "path"}


def test_a_journal_entry_gives_back_its_records() -> None:
    rows = RowsRecord(7, 3, np.array([10, 20]), np.arange(6.0).reshape(2, 3))
    cells = CellsRecord(2**40, Cells(np.array([1]), np.array([2]), np.array([5.0])))
    first, second = decode_entry(encode_entry([rows, cells]))
    assert isinstance(first, RowsRecord)
    assert isinstance(second, CellsRecord)
    assert (first.chunk_id, first.first_row, first.timestamps_ms.tolist()) == (7, 3, [10, 20])
    assert np.array_equal(first.values, rows.values)
    assert (second.chunk_id, second.cells.rows.tolist(), second.cells.values.tolist()) == (2**40, [1], [5.0])


def test_only_the_records_of_some_chunks_are_decoded() -> None:
    rows = [RowsRecord(chunk_id, 0, np.array([10]), np.array([[float(chunk_id)]])) for chunk_id in (1, 2, 3)]
    cells = [CellsRecord(chunk_id, Cells(np.array([0]), np.array([0]), np.array([5.0]))) for chunk_id in (1, 2, 3)]
    entry = encode_entry([*rows, *cells])

    assert [record.chunk_id for record in decode_entry(entry, {2})] == [2, 2]
    assert [record.chunk_id for record in decode_entry(entry)] == [1, 2, 3, 1, 2, 3]
