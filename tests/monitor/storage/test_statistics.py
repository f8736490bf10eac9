"""Where the series of the head come from."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.clock import SystemClock
from monitor.model.label_frame import LabelFrame
from monitor.storage.statistics import NamedCount, store_statistics
from monitor.storage.store import Store, StoreSettings


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, StoreSettings(), SystemClock())
    yield opened
    opened.close()


def fill(store: Store) -> None:
    sets = [
        {"__name__": "up", "job": "a"},
        {"__name__": "up", "job": "bé"},
        {"__name__": "x", "job": "a", "code": "200"},
    ]
    store.append("s", LabelFrame.of(sets), np.array([1000, 2000]), np.zeros((2, 3)))


def test_series_pairs_and_times_are_counted(store):
    fill(store)
    statistics = store_statistics(store.head, 10, 0)
    assert (statistics.series, statistics.label_pairs, statistics.chunks) == (3, 5, 1)
    assert (statistics.min_ms, statistics.max_ms) == (1000, 2000)


def test_lists_have_the_largest_first_and_equals_by_name(store):
    fill(store)
    statistics = store_statistics(store.head, 10, 0)
    assert statistics.series_by_metric == (NamedCount("up", 2), NamedCount("x", 1))
    assert statistics.values_by_label == (NamedCount("__name__", 2), NamedCount("job", 2), NamedCount("code", 1))
    assert [pair.name for pair in statistics.series_by_pair] == [
        "__name__=up",
        "job=a",
        "__name__=x",
        "code=200",
        "job=bé",
    ]


def test_memory_counts_name_and_value_in_every_series(store):
    fill(store)
    by_label = {each.name: each.count for each in store_statistics(store.head, 10, 0).bytes_by_label}
    assert by_label == {"__name__": 3 * 10 + 2 + 2 + 1, "job": 3 * 5 + 1 + 3 + 1, "code": 6 + 3}


def test_lists_are_as_long_as_asked(store):
    fill(store)
    statistics = store_statistics(store.head, 1, 0)
    assert statistics.series_by_pair == (NamedCount("__name__=up", 2),)
    assert len(statistics.values_by_label) == len(statistics.series_by_metric) == 1


def test_an_empty_store_has_nothing(store):
    statistics = store_statistics(store.head, 10, 0)
    assert (statistics.series, statistics.min_ms, statistics.max_ms, statistics.series_by_pair) == (0, 0, 0, ())
