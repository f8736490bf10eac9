"""Pushed series against a model that keeps the first sample of each series and time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.model.samples import is_absent
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.head.push_groups import batch_of
from monitor.storage.store import Store, StoreSettings

SETTINGS = StoreSettings(head=HeadSettings(chunk_rows_max=8, block_span_ms=500))
requests = st.lists(
    st.lists(
        st.tuples(st.integers(0, 7), st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), max_size=6)),
        max_size=6,
    ),
    min_size=1,
    max_size=6,
)


def label_sets(keys: Sequence[bytes]) -> LabelFrame:
    # Keys 6 and 7 are two spellings of one label set, as two senders may have.
    return LabelFrame.of([{"__name__": "m", "series": key.decode().replace("7", "6")} for key in keys])


def push(store: Store, request: list[tuple[int, list[tuple[int, int]]]]) -> None:
    samples = [sample for _, of_series in request for sample in of_series]
    store.push(
        batch_of(
            [str(series).encode() for series, _ in request],
            label_sets,
            np.array([len(of_series) for _, of_series in request], np.intp),
            np.array([time for time, _ in samples], np.int64),
            np.array([value for _, value in samples], np.float64),
        )
    )


def stored(store: Store) -> dict[tuple[str, int], float]:
    with store.reader() as reader:
        selection = reader.select((), -1, 10**6)
    series = selection.labels.column("series").texts()
    return {
        (series[stripe.rows[i]], int(stripe.timestamps_ms[j])): float(stripe.values[i, j])
        for stripe in selection.stripes
        for i, j in zip(*np.nonzero(~is_absent(stripe.values)), strict=True)
    }


@settings(deadline=None, max_examples=60)
@given(requests, st.integers(0, 5))
def test_the_first_sample_of_a_series_and_time_stays(
    sent: list[list[tuple[int, list[tuple[int, int]]]]], restart_after: int
) -> None:
    model: dict[tuple[str, int], set[float]] = {}
    with TemporaryDirectory() as root:
        store = Store(Path(root), SETTINGS, ManualClock(now_ms=0))
        for number, request in enumerate(sent):
            first: dict[tuple[str, int], set[float]] = {}
            for series, samples in request:
                for time, value in samples:
                    first.setdefault((str(series).replace("7", "6"), time), set()).add(float(value))
            push(store, request)
            model = {**first, **model}
            if number == restart_after:
                store.close()
                store = Store(Path(root), SETTINGS, ManualClock(now_ms=0))
        found = stored(store)
        store.close()
    assert found.keys() == model.keys()
    assert all(found[key] in model[key] for key in model)


def test_series_that_come_with_the_same_timestamps_share_a_source(tmp_path: Path) -> None:
    store = Store(tmp_path, SETTINGS, ManualClock(now_ms=0))
    push(store, [(1, [(10, 1), (20, 2)]), (2, [(10, 1), (20, 2)]), (3, [(15, 1)])])
    assert sorted(source.chunk.columns for source in store.head.state.sources.values() if source.chunk) == [1, 2]
    store.close()


def test_the_rest_of_a_row_is_seen_by_the_next_query(tmp_path: Path) -> None:
    store = Store(tmp_path, SETTINGS, ManualClock(now_ms=0))
    push(store, [(1, [(10, 1)]), (2, [(10, 2)])])
    push(store, [(1, [(20, 3)])])
    assert stored(store) == {("1", 10): 1.0, ("2", 10): 2.0, ("1", 20): 3.0}
    (source,) = store.head.state.sources.values()
    version = source.version
    push(store, [(2, [(20, 4)]), (1, [(20, 9)])])
    assert source.version != version
    assert stored(store) == {("1", 10): 1.0, ("2", 10): 2.0, ("1", 20): 3.0, ("2", 20): 4.0}
    store.close()


@pytest.mark.parametrize("last", range(2, 18))
def test_samples_stay_those_of_their_series_when_a_source_loses_a_column_in_the_middle_of_a_request(
    tmp_path: Path, last: int
) -> None:
    store = Store(tmp_path, SETTINGS, ManualClock(now_ms=0))
    push(store, [(series, [(1, series)]) for series in (1, 2, 3, 4)])
    sent = {(str(series), 1): float(series) for series in (1, 2, 3, 4)}
    for time in range(2, last):
        push(store, [(series, [(time, series)]) for series in (2, 3, 4)])
        sent |= {(str(series), time): float(series) for series in (2, 3, 4)}

    # Three groups of one source: at some of these rows its chunk is full, and the first group takes series 1 out.
    push(store, [(2, [(last, 20)]), (3, [(last + 1, 30)]), (4, [(last + 2, 40)])])

    assert stored(store) == sent | {("2", last): 20.0, ("3", last + 1): 30.0, ("4", last + 2): 40.0}
    store.close()


def test_samples_from_before_the_late_window_are_refused_and_counted(tmp_path: Path) -> None:
    settings = StoreSettings(head=HeadSettings(late_window_ms=100))
    store = Store(tmp_path, settings, ManualClock(now_ms=0))
    push(store, [(1, [(1_000, 1)])])
    refused = store.push(
        batch_of([b"1"], label_sets, np.array([3]), np.array([10, 899, 900], np.int64), np.array([5.0, 6.0, 7.0]))
    )
    assert refused == 2
    assert stored(store) == {("1", 900): 7.0, ("1", 1_000): 1.0}
    store.close()
