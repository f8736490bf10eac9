from __future__ import annotations

import numpy as np
from recording_store import STALE, RecordingStore

from monitor.model.label_frame import LabelFrame
from monitor.scrape.stamped_series import AHEAD_MAX_MS, StampedSeries

NOW_MS = 10_000


def frame(*names: str) -> LabelFrame:
    return LabelFrame.of([{"__name__": name} for name in names])


def append(series: StampedSeries, *stamps_ms: int) -> int:
    values = np.arange(len(stamps_ms), dtype=np.float64)
    return series.append(np.array(stamps_ms, np.int64), values, NOW_MS)


def test_series_with_the_same_timestamp_are_one_source() -> None:
    store = RecordingStore()
    append(StampedSeries(frame("a", "b"), "t", store), 5, 5)
    assert store.appended == [("t/0", 5, {"a": 0.0, "b": 1.0})]


def test_series_that_part_stay_parted_and_keep_their_label_objects() -> None:
    store = RecordingStore()
    series = StampedSeries(frame("a", "b", "c"), "t", store)
    append(series, 5, 6, 5)
    append(series, 7, 7, 7)
    append(series, 8, 9, 8)
    assert [(source, stamp, list(cells)) for source, stamp, cells in store.appended] == [
        ("t/0", 5, ["a", "c"]),
        ("t/1", 6, ["b"]),
        ("t/0", 7, ["a", "c"]),
        ("t/1", 7, ["b"]),
        ("t/0", 8, ["a", "c"]),
        ("t/1", 9, ["b"]),
    ]
    assert store.frames[0] is store.frames[2] is store.frames[4]


def test_a_sample_that_was_stored_already_is_not_stored_again() -> None:
    store = RecordingStore()
    series = StampedSeries(frame("a", "b"), "t", store)
    for _ in range(3):
        append(series, 5, 6)
    assert len(store.appended) == 2


def test_several_samples_of_one_series_are_all_stored() -> None:
    store = RecordingStore()
    append(StampedSeries(frame("a", "a", "b"), "t", store), 5, 6, 5)
    assert [(stamp, cells) for _, stamp, cells in store.appended] == [(5, {"a": 0.0, "b": 2.0}), (6, {"a": 1.0})]


def test_a_sample_far_in_the_future_is_counted_and_left_out() -> None:
    store = RecordingStore()
    series = StampedSeries(frame("a", "b"), "t", store)
    assert append(series, NOW_MS + AHEAD_MAX_MS, NOW_MS + AHEAD_MAX_MS + 1) == 1
    assert [stamp for _, stamp, _ in store.appended] == [NOW_MS + AHEAD_MAX_MS]


def test_the_end_is_a_stale_marker_for_each_series() -> None:
    store = RecordingStore()
    series = StampedSeries(frame("a", "b"), "t", store)
    append(series, 5, 6)
    series.end(9)
    assert store.appended[2:] == [("t/0", 9, {"a": STALE}), ("t/1", 9, {"b": STALE})]
