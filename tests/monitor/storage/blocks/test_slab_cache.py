from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.model.samples import STALE
from monitor.storage.blocks.slab_cache import SlabCache


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ([0.0, 255.0], np.uint8),
        ([0.0, 256.0], np.uint16),
        ([0.0, 65_536.0], np.int32),
        ([0.0, 7.0, 2.0**31 - 1], np.int32),
        ([0.0, 2.0**31], np.float64),
        ([1.5, 2.0], np.float64),
        ([-0.0, 2.0], np.float64),
        ([-3.0, 2.0], np.float64),
        ([1.0, STALE], np.float64),
        ([1.0, float("inf")], np.float64),
        ([], np.uint8),
    ],
)
def test_whole_numbers_that_fit_are_kept_in_less_memory(numbers: list[float], dtype: type[np.generic]) -> None:
    values = np.array([numbers])

    kept = SlabCache(1_000).get_packed("key", lambda: values)

    assert kept.dtype == dtype
    assert kept.astype(np.float64).tobytes() == values.tobytes()


def decoded(cache: SlabCache, keys: str) -> str:
    """Which of the keys are decoded when each is asked for. Each array takes 2 000 bytes."""
    missing = []

    def decode(key: str) -> NDArray[np.float64]:
        missing.append(key)
        return np.zeros(250)

    for key in keys:
        cache.get(key, partial(decode, key))
    return "".join(missing)


def test_a_full_cache_is_left_by_a_query_over_more_than_fits_mostly_as_it_was() -> None:
    cache = SlabCache(8_000)
    decoded(cache, "abcd")

    assert decoded(cache, "efgh") == "efgh"
    assert decoded(cache, "bcdh") == ""


def test_what_a_full_cache_is_asked_for_again_soon_is_taken_in() -> None:
    cache = SlabCache(8_000)
    decoded(cache, "abcd")
    decoded(cache, "ef")

    assert decoded(cache, "ef") == "ef"
    assert decoded(cache, "ef") == ""


def test_what_was_refused_long_ago_is_as_new() -> None:
    cache = SlabCache(8_000)
    decoded(cache, "abcd")
    decoded(cache, "efghij")

    assert decoded(cache, "ee") == "ee"
