from __future__ import annotations

import numpy as np
import pytest

from monitor.model.samples import STALE
from monitor.storage.blocks.slab_cache import ALWAYS_ADMITTED_BYTES, SlabCache


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


def test_a_full_cache_still_takes_in_what_is_small() -> None:
    cache = SlabCache(2 * ALWAYS_ADMITTED_BYTES)
    large, small = np.zeros(2 * ALWAYS_ADMITTED_BYTES, np.uint8), np.zeros(8, np.uint8)
    cache.get("large", lambda: large)
    cache.get("other", large.copy)

    cache.get("small", lambda: small)

    assert cache.get("small", lambda: large) is small
    assert cache.bytes <= cache.bytes_max
