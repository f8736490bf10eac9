from __future__ import annotations

import numpy as np
import pytest

from monitor.model.samples import STALE
from monitor.storage.blocks.slab_cache import SlabCache


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ([0.0, 7.0, 2.0**31 - 1], np.int32),
        ([0.0, 2.0**31], np.float64),
        ([1.5, 2.0], np.float64),
        ([-0.0, 2.0], np.float64),
        ([-3.0, 2.0], np.float64),
        ([1.0, STALE], np.float64),
        ([1.0, float("inf")], np.float64),
        ([], np.int32),
    ],
)
def test_whole_numbers_that_fit_are_kept_in_half_the_memory(numbers: list[float], dtype: type[np.generic]) -> None:
    values = np.array([numbers])

    kept = SlabCache(1_000).get_packed("key", lambda: values)

    assert kept.dtype == dtype
    assert kept.astype(np.float64).tobytes() == values.tobytes()
