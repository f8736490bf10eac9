"""Histograms as a real store keeps them: after a restart, and where parts of them come at different times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from memory_reader import MemoryReader
from native_histograms import HistogramSpec, parse_histogram

from monitor.clock import SystemClock
from monitor.model.label_frame import LabelFrame
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.samples import ABSENT
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.storage.interfaces import Reader
from monitor.storage.store import Store, StoreSettings

AT_MS = 1_700_000_000_000


def count_of(reader: Reader, expression: str, at_ms: int = AT_MS) -> float:
    engine = Engine(QueryLimits(), Features(), SystemClock())
    frame = engine.instant(engine.plan(expression), at_ms, reader).value
    assert not isinstance(frame, float | str)
    (value,) = frame.values.ravel().tolist()
    return float(value)


def append(store: Store, name: str, samples: dict[int, HistogramSpec]) -> None:
    """All components of one series as one source, absent where a sample has not got them."""
    texts = sorted({text for sample in samples.values() for text in sample.components()})
    labels = LabelFrame.of([{"__name__": name, COMPONENT_LABEL: text} for text in texts])
    rows = [[sample.components().get(text, ABSENT) for text in texts] for sample in samples.values()]
    store.append(name, labels, np.array(list(samples), np.int64), np.array(rows))


def test_histograms_survive_a_restart(tmp_path: Path) -> None:
    settings = StoreSettings()
    store = Store(tmp_path, settings, SystemClock())
    store.start()
    append(store, "h", {AT_MS - 1000: parse_histogram("{{count:2 buckets:[2]}}")})
    append(store, "h", {AT_MS: parse_histogram("{{count:5 buckets:[2 3]}}")})
    store.close()

    store = Store(tmp_path, settings, SystemClock())
    with store.reader() as reader:
        assert count_of(reader, "histogram_count(h)") == 5
        assert count_of(reader, "histogram_fraction(0, 1, h) * 5") == pytest.approx(2)
        assert count_of(reader, "changes(h[1m])") == 1
    store.close()


def test_a_series_that_changes_its_resolution_stays_one_series(tmp_path: Path) -> None:
    reader = MemoryReader()
    fine, coarse = parse_histogram("{{schema:1 count:2 buckets:[1 1]}}"), parse_histogram("{{count:3 buckets:[3]}}")
    reader.add_histograms({"__name__": "h"}, {AT_MS - 60_000: fine, AT_MS: coarse})

    assert count_of(reader, "histogram_count(h)") == 3
    assert count_of(reader, "count_over_time(h[2m])") == 2
    assert count_of(reader, "resets(h[2m])") == 1


def test_a_text_that_is_no_component_is_left_out() -> None:
    reader = MemoryReader()
    reader.add({"__name__": "h", COMPONENT_LABEL: "of no meaning"}, {AT_MS: 1.0})

    assert count_of(reader, "count(h) or vector(0)") == 0


def test_series_of_very_different_buckets_are_added_all_the_same() -> None:
    reader = MemoryReader()
    for number in range(20):
        spec = HistogramSpec(count=1, sum=1, positive={number * 7: 1.0})
        reader.add_histograms({"__name__": "h", "number": str(number)}, {AT_MS: spec})

    assert count_of(reader, "histogram_count(sum(h))") == 20
    assert count_of(reader, "histogram_fraction(0, 1, sum(h)) * 20") == pytest.approx(1)
