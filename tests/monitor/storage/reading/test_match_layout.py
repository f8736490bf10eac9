"""Which columns of a layout a selection means."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.reading.resolve import match_layout


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_one_series_is_found_where_its_slab_holds_it(metric, random):
    numbers = np.array(random.sample(range(20), len(metric)), np.uint32)
    layout = ChunkLayout(numbers, np.array(metric, np.int32))

    for column, number in enumerate(numbers):
        match = match_layout(layout, np.array([number]), np.array([7]))
        ((slab, wanted),) = match.slabs
        in_slab = layout.order[layout.starts[slab] : layout.starts[slab + 1]]

        assert in_slab[slice(None) if wanted is None else wanted].tolist() == [column]
        assert (match.rows.tolist(), np.arange(len(metric))[match.columns].tolist()) == ([7], [column])


def test_a_series_of_another_layout_is_not_found():
    layout = ChunkLayout(np.array([3, 5], np.uint32), np.array([0, 0], np.int32))

    match = match_layout(layout, np.array([4], np.uint32), np.array([0]))

    assert (len(match.rows), match.slabs) == (0, ())
