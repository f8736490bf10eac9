"""The size of a selection, told without reading samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.reading.sizes import GUESSED_INTERVAL_MS, guessed_samples, rows_inside, share_of
from monitor.storage.store import Store, StoreSettings

EVERY = (Matcher("__name__", MatchOp.REGEX, ".+"),)
ONE = (Matcher("__name__", MatchOp.EQUAL, "m1"),)
ROWS, SPAN_MS = 2000, 2000 * 15_000


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path, StoreSettings(), ManualClock())
    opened.start()
    times = np.arange(ROWS, dtype=np.int64) * 15_000
    for target in range(40):
        labels = LabelFrame.of(
            [Labels({"__name__": f"m{i % 3}", "target": f"{target}", "i": f"{i}"}) for i in range(9)]
        )
        opened.append(f"source {target}", labels, times, np.ones((ROWS, 9)))
    yield opened
    opened.close()


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("selector", [EVERY, ONE])
@pytest.mark.parametrize("window", [(0, SPAN_MS), (3_600_000, 7_200_000), (SPAN_MS * 2, SPAN_MS * 3), (0, 0)])
def test_a_size_is_about_what_a_selection_holds(store, is_sealed, selector, window):
    if is_sealed:
        store.maintenance.run(SPAN_MS + 10 * 86_400_000)

    with store.reader() as reader:
        size, selection = reader.size(selector, *window), reader.select(selector, *window)

    assert size.series == selection.labels.size
    # Rows count as evenly spread within a piece: a window may be wrong by the part of one at each of its ends.
    assert size.samples == pytest.approx(selection.samples, rel=0.02, abs=size.series)


def test_a_small_selection_is_guessed_from_its_series(store):
    with store.reader() as reader:
        guess = reader.size(ONE, 0, 60_000, roughly_below=10**6)

    assert guess.samples == guessed_samples(guess.series, 0, 60_000) == 120 * (60_000 // GUESSED_INTERVAL_MS + 1)


@pytest.mark.parametrize(
    ("window", "rows"), [((0, 99), 100), ((0, 49), 50), ((-10, -1), 0), ((100, 200), 0), ((90, 1000), 10), ((5, 5), 1)]
)
def test_rows_are_spread_evenly(window, rows):
    assert rows_inside(100, 0, 99, *window) == rows


def test_many_sources_are_represented_by_some():
    chosen, factor = share_of([np.arange(2)] * 1000)

    assert len(chosen) <= 32
    assert factor * 2 * len(chosen) == pytest.approx(2000)
    assert share_of([]) == (range(0), 0.0)
